-- Deploy neanelu:functions/search/hybrid to pg
-- requires: functions/search/similar
-- Words, mistyped words and meaning in one search: three lists of candidates, fused by their ranks (reciprocal rank fusion).
--
-- No list ranks all matches of a common word: each takes a bounded number of candidates first. A title is not searched by its trigrams
-- (a common trigram is in half of a million titles): the words of the question are, among the words that titles have.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, search, ai, app, extensions, pg_temp;
SELECT extensions.similarity('a', 'b');

CREATE FUNCTION search._alternatives(p_scope uuid, p_words text[])
RETURNS TABLE (word text, alternatives text[], is_known boolean)
LANGUAGE plpgsql STABLE
SET search_path = neanelu, extensions, pg_temp
SET pg_trgm.similarity_threshold = 0.4
SET enable_seqscan = off
AS $body$
DECLARE
    v_nearest text[];
BEGIN
    FOREACH word IN ARRAY p_words LOOP
        v_nearest := NULL;
        is_known := length(word) NOT BETWEEN 3 AND 40
                    OR EXISTS (SELECT FROM neanelu.search_words AS k WHERE k.scope = p_scope AND k.word = _alternatives.word);
        IF NOT is_known THEN
            SELECT array_agg(n.word) INTO v_nearest
              FROM (SELECT k.word FROM neanelu.search_words AS k WHERE k.scope = p_scope AND k.word % _alternatives.word
                     ORDER BY similarity(k.word, _alternatives.word) DESC, k.word LIMIT 3) AS n;
        END IF;
        alternatives := ARRAY[word] || v_nearest;
        is_known := is_known OR v_nearest IS NOT NULL;
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION search._alternatives(uuid, text[]) IS
    'For each word itself, and when no title has it, up to three words of titles with most trigrams in common: at least 0.4; is_known: some title has one of these. '
    'p_scope is the shop, zeros for golden records. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._estimated_rows(p_is_shop boolean, p_query tsquery)
RETURNS numeric
LANGUAGE plpgsql
VOLATILE -- EXPLAIN is refused in any other
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_plan json;
BEGIN
    IF p_is_shop THEN
        EXECUTE $$EXPLAIN (FORMAT JSON) SELECT FROM neanelu.shopify_products AS p
                   WHERE to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ $1$$ INTO v_plan USING p_query;
    ELSE
        EXECUTE 'EXPLAIN (FORMAT JSON) SELECT FROM neanelu.prod_semantics AS s WHERE s.search_vector @@ $1' INTO v_plan USING p_query;
    END IF;
    RETURN (v_plan #>> '{0,Plan,Plan Rows}')::numeric;
END
$body$;
COMMENT ON FUNCTION search._estimated_rows(boolean, tsquery) IS
    'How many products of all shops, or golden records, the planner expects to match, from the statistics of the words; runs no search. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._fuzzy_query(p_scope uuid, p_query text, p_simple regconfig, p_language regconfig, p_leave_out boolean)
RETURNS tsquery
LANGUAGE plpgsql VOLATILE -- for search._estimated_rows
SET search_path = neanelu, search, extensions, pg_temp
AS $body$
DECLARE
    v_words constant text[] := (tsvector_to_array(to_tsvector(p_simple, p_query)))[1:12];
    v_one record;
    v_query tsquery;
    v_part tsquery;
    v_parts tsquery[] := ARRAY[]::tsquery[];
    v_unknown integer;
    v_out integer;
BEGIN
    -- A phrase or a word to leave out says what exactly is meant.
    IF p_query ~ '"|(^|\s)-' OR cardinality(v_words) < (1 + p_leave_out::integer) THEN
        RETURN NULL;
    END IF;
    FOR v_one IN SELECT a.alternatives, a.is_known FROM search._alternatives(p_scope, v_words) AS a LOOP
        SELECT string_agg(DISTINCT quote_literal(l.lexeme), '|')::tsquery INTO v_part
          FROM unnest(v_one.alternatives) AS x (word)
         CROSS JOIN LATERAL (SELECT x.word AS lexeme UNION SELECT unnest(tsvector_to_array(to_tsvector(p_language, x.word)))) AS l;
        v_parts := v_parts || v_part;
        v_unknown := CASE WHEN v_one.is_known THEN v_unknown ELSE coalesce(v_unknown, cardinality(v_parts)) END;
    END LOOP;
    IF p_leave_out THEN
        v_out := coalesce(v_unknown, (SELECT x.place FROM unnest(v_parts) WITH ORDINALITY AS x (part, place) WHERE cardinality(v_parts) > 2
                                       ORDER BY search._estimated_rows(p_scope <> '00000000-0000-0000-0000-000000000000', x.part) DESC LIMIT 1));
        IF v_out IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    FOR v_number IN 1 .. cardinality(v_parts) LOOP
        IF v_number IS DISTINCT FROM v_out THEN
            v_query := CASE WHEN v_query IS NULL THEN v_parts[v_number] ELSE v_query && v_parts[v_number] END;
        END IF;
    END LOOP;
    RETURN v_query;
END
$body$;
COMMENT ON FUNCTION search._fuzzy_query(uuid, text, regconfig, regconfig, boolean) IS
    'A question with similar words beside those that no title has; p_leave_out: without one word, that which is like none in titles, or of three and more the commonest. NULL when there is '
    'nothing to be loose about. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._fuse(p_texts uuid[], p_words uuid[], p_vectors uuid[])
RETURNS TABLE (id uuid, score double precision, text_rank integer, word_rank integer, vector_rank integer)
LANGUAGE sql IMMUTABLE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT f.id, sum(1.0 / (60 + f.place))::double precision, min(f.place) FILTER (WHERE f.list = 1)::integer,
           min(f.place) FILTER (WHERE f.list = 2)::integer, min(f.place) FILTER (WHERE f.list = 3)::integer
      FROM (SELECT t.id, t.place, 1 AS list FROM unnest(p_texts) WITH ORDINALITY AS t (id, place)
            UNION ALL SELECT t.id, t.place, 2 FROM unnest(p_words) WITH ORDINALITY AS t (id, place)
            UNION ALL SELECT t.id, t.place, 3 FROM unnest(p_vectors) WITH ORDINALITY AS t (id, place)) AS f
     GROUP BY f.id
$body$;
COMMENT ON FUNCTION search._fuse(uuid[], uuid[], uuid[]) IS
    'Lists, best first, as one: 1 / (60 + rank) of each list that has it, added up; with the ranks. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._text_hits(p_shop_id uuid, p_query tsquery, p_words text, p_limit integer)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE -- for search._expected_rows
SET search_path = neanelu, search, extensions, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_indexscan = on
SET work_mem = '64MB'
AS $body$
DECLARE
    v_hits uuid[];
BEGIN
    IF search._is_common_text(search._expected_rows(p_query)) THEN
        SELECT array_agg(h.id ORDER BY h.rank DESC, h.id DESC) INTO v_hits
          FROM (SELECT p.id, ts_rank(to_tsvector('pg_catalog.simple', p.title), p_query) AS rank
                  FROM (SELECT w.id, w.title, w.description FROM neanelu.shopify_products AS w
                         WHERE w.shop_id = p_shop_id AND w.deleted_at IS NULL ORDER BY w.id DESC LIMIT 200) AS p
                 WHERE to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ p_query
                 ORDER BY 2 DESC, 1 DESC LIMIT p_limit) AS h;
        IF cardinality(v_hits) >= 10 THEN
            RETURN v_hits;
        END IF;
    END IF;
    SET LOCAL enable_indexscan = off;  -- not a walk of the shop that takes the words of each product apart
    SELECT array_agg(h.id ORDER BY h.rank DESC, h.id DESC) INTO v_hits
      FROM (SELECT p.id, ts_rank(to_tsvector('pg_catalog.simple', p.title), p_query)
                         + CASE WHEN p_words IS NULL THEN 0 ELSE similarity(p.title, p_words) END AS rank
              FROM (SELECT w.id, w.title FROM neanelu.shopify_products AS w
                     WHERE w.shop_id = p_shop_id AND w.deleted_at IS NULL
                       AND to_tsvector('pg_catalog.simple', w.title || ' ' || COALESCE(w.description, '')) @@ p_query
                     LIMIT 300) AS p
             ORDER BY 2 DESC, 1 DESC LIMIT p_limit) AS h;
    RETURN v_hits;
END
$body$;
COMMENT ON FUNCTION search._text_hits(uuid, tsquery, text, integer) IS
    'The best of up to 300 of the shop''s live products that match, by the rank of their titles and, with p_words, by trigrams in common; of what is common the newest. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search.hybrid(p_shop_id uuid, p_query text, p_vector extensions.vector DEFAULT NULL, p_limit integer DEFAULT 20, p_model text DEFAULT NULL)
RETURNS TABLE (id uuid, title text, vendor text, product_type text, score double precision, text_rank integer, word_rank integer, vector_rank integer)
LANGUAGE plpgsql VOLATILE -- as search._text_hits
SECURITY DEFINER
SET search_path = neanelu, search, ai, app, extensions, pg_temp
AS $body$
DECLARE
    v_many constant integer := greatest(50, p_limit);
    v_texts uuid[];
    v_words uuid[];
    v_vectors uuid[];
    v_fuzzy tsquery;
    v_leave_out boolean;
    v_model neanelu.embedding_models;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM search._assert_limit(p_limit);
    IF p_query IS NOT NULL OR p_vector IS NULL THEN
        v_texts := search._text_hits(p_shop_id, search._parse_query(p_query), NULL, v_many);
        FOREACH v_leave_out IN ARRAY ARRAY[false, true] LOOP
            EXIT WHEN coalesce(cardinality(v_texts), 0) + coalesce(cardinality(v_words), 0) >= least(p_limit, 10);
            v_fuzzy := search._fuzzy_query(p_shop_id, p_query, 'pg_catalog.simple', 'pg_catalog.simple', v_leave_out);
            EXIT WHEN v_fuzzy IS NULL;
            v_words := search._text_hits(p_shop_id, v_fuzzy, p_query, v_many);
        END LOOP;
    END IF;
    IF p_vector IS NOT NULL THEN
        v_model := ai._model(p_model);
        SELECT array_agg(n.product_id ORDER BY n.distance, n.product_id) INTO v_vectors
          FROM ai._nearest(v_model, p_shop_id, 'combined', ai._query_vector(v_model, p_vector), v_many) AS n;
    END IF;
    RETURN QUERY
    SELECT p.id, p.title, p.vendor::text, p.product_type::text, f.score, f.text_rank, f.word_rank, f.vector_rank
      FROM search._fuse(v_texts, v_words, v_vectors) AS f
      JOIN neanelu.shopify_products AS p ON p.shop_id = p_shop_id AND p.id = f.id
     ORDER BY f.score DESC, p.id DESC
     LIMIT p_limit;
END
$body$;
COMMENT ON FUNCTION search.hybrid(uuid, text, extensions.vector, integer, text) IS
    'The shop''s live products for a question: by its words (word, "a phrase", or, -without), by similar words when these bring little, and by its vector of the model (NULL: the one in '
    'use) when given; best first, with the rank in each list. Writes nothing, takes no locks. '
    'Raises: NA002, NE001 no such model, NE004 the vector is none of the model''s, NR003 question too long or without a word to look for, NR004 page size';

GRANT EXECUTE ON FUNCTION search.hybrid(uuid, text, extensions.vector, integer, text) TO neanelu_tenant, neanelu_app;

COMMIT;

-- Deploy neanelu:functions/pim/search to pg
-- requires: functions/search/hybrid
-- requires: functions/pim/semantics
-- Searches of golden records: by words, similar words and meaning, and what is like a record.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, pim, search, ai, extensions, pg_temp;

CREATE FUNCTION pim._parse_query(p_query text, p_locale text)
RETURNS tsquery
LANGUAGE plpgsql STABLE
SET search_path = neanelu, pim, pg_temp
AS $body$
DECLARE
    v_query tsquery;
    v_more tsquery;
BEGIN
    IF p_query IS NULL OR length(p_query) > 1000 THEN
        RAISE EXCEPTION 'a query has 1 to 1000 characters' USING ERRCODE = 'NR003';
    END IF;
    v_query := websearch_to_tsquery('neanelu.pim_simple', p_query);
    FOR v_more IN SELECT DISTINCT websearch_to_tsquery(pim.search_config(l.locale), p_query)
                    FROM unnest(CASE WHEN p_locale IS NULL THEN ARRAY['ro', 'en'] ELSE ARRAY[p_locale] END) AS l (locale) LOOP
        v_query := CASE WHEN v_more = v_query THEN v_query ELSE v_query || v_more END;
    END LOOP;
    IF querytree(v_query) IN ('', 'T') THEN
        RAISE EXCEPTION 'the query names no word to look for' USING ERRCODE = 'NR003', HINT = 'word, "a phrase", word or word, word -without';
    END IF;
    RETURN v_query;
END
$body$;
COMMENT ON FUNCTION pim._parse_query(text, text) IS
    'What a person typed, in a language (NULL: Romanian or English), as a query of prod_semantics. Writes nothing, takes no locks. '
    'Raises: NR003 missing, over 1000 characters, or without a word to look for';

CREATE FUNCTION pim._text_hits(p_query tsquery, p_words text, p_limit integer)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE -- for search._estimated_rows
SET search_path = neanelu, pim, search, extensions, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_indexscan = on
SET work_mem = '64MB'
AS $body$
DECLARE
    v_expected constant numeric := search._estimated_rows(false, p_query);
    v_hits uuid[];
BEGIN
    -- Where one of 200 matches, twenty are among the newest 5000: sooner found than the lists of common words are compared.
    IF v_expected > 5000 AND v_expected > 0.005 * (SELECT c.reltuples FROM pg_class AS c WHERE c.oid = 'neanelu.prod_semantics'::regclass) THEN
        SELECT array_agg(h.product_id ORDER BY h.rank DESC, h.product_id DESC) INTO v_hits
          FROM (SELECT s.product_id, ts_rank(s.search_vector, p_query) AS rank
                  FROM (SELECT x.product_id, x.search_vector
                          FROM (SELECT w.product_id, w.search_vector FROM neanelu.prod_semantics AS w ORDER BY w.product_id DESC LIMIT 5000) AS x
                         WHERE x.search_vector @@ p_query LIMIT 300) AS s
                 ORDER BY 2 DESC, 1 DESC LIMIT p_limit) AS h;
        IF cardinality(v_hits) >= 20 THEN
            RETURN v_hits;
        END IF;
    END IF;
    SET LOCAL enable_indexscan = off;
    SELECT array_agg(h.product_id ORDER BY h.rank DESC, h.product_id DESC) INTO v_hits
      FROM (SELECT s.product_id, ts_rank(s.search_vector, p_query) + CASE WHEN p_words IS NULL THEN 0 ELSE similarity(s.title_master, p_words) END AS rank
              FROM (SELECT w.product_id, w.search_vector, w.title_master FROM neanelu.prod_semantics AS w
                     WHERE w.search_vector @@ p_query LIMIT 300) AS s
             ORDER BY 2 DESC, 1 DESC LIMIT p_limit) AS h;
    RETURN v_hits;
END
$body$;
COMMENT ON FUNCTION pim._text_hits(tsquery, text, integer) IS
    'The best of up to 300 golden records that match, by rank and, with p_words, by trigrams of the title in common; of what is common the newest. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim.by_vector(p_vector extensions.vector, p_limit integer DEFAULT 10, p_type text DEFAULT 'combined', p_model text DEFAULT NULL)
RETURNS TABLE (product_id uuid, title text, brand text, distance double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, search, ai, extensions, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
BEGIN
    PERFORM search._assert_limit(p_limit);
    RETURN QUERY
    SELECT m.id, m.canonical_title, m.brand::text, n.distance
      FROM ai._nearest(v_model, NULL, p_type, ai._query_vector(v_model, p_vector), p_limit) AS n
      JOIN neanelu.prod_master AS m ON m.id = n.product_id
     ORDER BY n.distance, m.id;
END
$body$;
COMMENT ON FUNCTION pim.by_vector(extensions.vector, integer, text, text) IS
    'Golden records whose vectors of a kind of text (title, description, specs, combined) are nearest to one of the same model (NULL: the one in use), with the cosine distance. '
    'Writes nothing, takes no locks. Raises: NE001 no such model, NE004 the vector is none of the model''s, NR004 page size';

CREATE FUNCTION pim.similar(p_product_id uuid, p_limit integer DEFAULT 10, p_type text DEFAULT 'combined', p_model text DEFAULT NULL)
RETURNS TABLE (product_id uuid, title text, brand text, distance double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, search, ai, extensions, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
    v_vector extensions.vector;
BEGIN
    PERFORM search._assert_limit(p_limit);
    SELECT e.embedding INTO v_vector FROM neanelu.prod_embeddings AS e
     WHERE e.product_id = p_product_id AND e.embedding_type = p_type AND e.model_version = v_model.name;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.id, m.canonical_title, m.brand::text, n.distance
      FROM ai._nearest(v_model, NULL, p_type, v_vector, p_limit + 1) AS n
      JOIN neanelu.prod_master AS m ON m.id = n.product_id
     WHERE m.id <> p_product_id
     ORDER BY n.distance, m.id LIMIT p_limit;
END
$body$;
COMMENT ON FUNCTION pim.similar(uuid, integer, text, text) IS
    'Golden records that are most like one, nearest first; no rows while it has no vector of the model (NULL: the one in use). '
    'Writes nothing, takes no locks. Raises: NE001 no such model, NR004 page size';

CREATE FUNCTION pim.search(p_query text, p_vector extensions.vector DEFAULT NULL, p_locale text DEFAULT NULL, p_limit integer DEFAULT 20, p_model text DEFAULT NULL)
RETURNS TABLE (product_id uuid, title text, brand text, data_quality_level text, score double precision, text_rank integer, word_rank integer, vector_rank integer)
LANGUAGE plpgsql VOLATILE -- as pim._text_hits
SECURITY DEFINER
SET search_path = neanelu, pim, search, ai, extensions, pg_temp
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
    PERFORM search._assert_limit(p_limit);
    IF p_query IS NOT NULL OR p_vector IS NULL THEN
        v_texts := pim._text_hits(pim._parse_query(p_query, p_locale), NULL, v_many);
        FOREACH v_leave_out IN ARRAY ARRAY[false, true] LOOP
            EXIT WHEN coalesce(cardinality(v_texts), 0) + coalesce(cardinality(v_words), 0) >= least(p_limit, 10);
            v_fuzzy := search._fuzzy_query('00000000-0000-0000-0000-000000000000', p_query, 'neanelu.pim_simple', pim.search_config(coalesce(p_locale, 'ro')), v_leave_out);
            EXIT WHEN v_fuzzy IS NULL;
            v_words := pim._text_hits(v_fuzzy, p_query, v_many);
        END LOOP;
    END IF;
    IF p_vector IS NOT NULL THEN
        v_model := ai._model(p_model);
        SELECT array_agg(n.product_id ORDER BY n.distance, n.product_id) INTO v_vectors
          FROM ai._nearest(v_model, NULL, 'combined', ai._query_vector(v_model, p_vector), v_many) AS n;
    END IF;
    RETURN QUERY
    SELECT m.id, m.canonical_title, m.brand::text, m.data_quality_level::text, f.score, f.text_rank, f.word_rank, f.vector_rank
      FROM search._fuse(v_texts, v_words, v_vectors) AS f
      JOIN neanelu.prod_master AS m ON m.id = f.id
     ORDER BY f.score DESC, m.id DESC
     LIMIT p_limit;
END
$body$;
COMMENT ON FUNCTION pim.search(text, extensions.vector, text, integer, text) IS
    'Golden records for a question in a language (NULL: Romanian or English): by its words, by similar words when these bring little, and by its vector of the model (NULL: the one in '
    'use) when given; best first, with the rank in each list. Writes nothing, takes no locks. '
    'Raises: NE001 no such model, NE004 the vector is none of the model''s, NR003 question too long or without a word to look for, NR004 page size';

GRANT EXECUTE ON FUNCTION
    pim.by_vector(extensions.vector, integer, text, text), pim.similar(uuid, integer, text, text), pim.search(text, extensions.vector, text, integer, text)
    TO neanelu_pim_editor, neanelu_analyst, neanelu_operator, neanelu_worker, neanelu_ai;

COMMIT;

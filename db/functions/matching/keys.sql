-- Deploy neanelu:functions/matching/keys to pg
-- requires: functions/matching/assign
-- What golden records are found by is kept: tokens, and how many golden records have them.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- Terms are looked up one by one, also by a plan that was made while there were few.
CREATE FUNCTION matching.fold_terms(p_least integer DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_folded bigint;
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM prod_match_term_changes LIMIT p_least) AS c) < p_least
       OR NOT pg_try_advisory_xact_lock(hashtextextended('matching.fold_terms', 0)) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM prod_match_term_changes RETURNING term, change
    ), summed AS (
        SELECT t.term, sum(t.change) AS change FROM taken AS t GROUP BY t.term
    ), put AS (
        INSERT INTO prod_match_terms (term, document_count, log_count)
        SELECT s.term, n.count, ln(n.count + matching._prior(s.term))
          FROM summed AS s
          LEFT JOIN LATERAL (SELECT m.document_count FROM prod_match_terms AS m WHERE m.term = s.term LIMIT 1) AS o ON true
         CROSS JOIN LATERAL (SELECT greatest(coalesce(o.document_count, 0) + s.change, 0) AS count) AS n
         WHERE s.change <> 0
        ON CONFLICT (term) DO UPDATE SET document_count = excluded.document_count, log_count = excluded.log_count
    )
    SELECT count(*) INTO v_folded FROM taken;
    RETURN v_folded;
END
$$;
COMMENT ON FUNCTION matching.fold_terms(integer) IS
    'Adds the pending changes of document counts to prod_match_terms and returns how many they were; nothing while fewer than p_least wait or somebody else is '
    'at it. Idempotent. Locks: an advisory one until the transaction ends. Raises: nothing';

CREATE FUNCTION matching._put_keys(p_keys neanelu.prod_match_keys[]) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH new AS (
        SELECT k.* FROM unnest(p_keys) AS k
    ), old AS (
        SELECT k.product_id, k.tokens FROM prod_match_keys AS k WHERE k.product_id IN (SELECT n.product_id FROM new AS n)
    ), put AS (
        INSERT INTO prod_match_keys SELECT * FROM new
        ON CONFLICT (product_id) DO UPDATE
           SET title = excluded.title, tokens = excluded.tokens, weights = excluded.weights, codes = excluded.codes, own_codes = excluded.own_codes,
               measures = excluded.measures, colours = excluded.colours, brand = excluded.brand, gtins = excluded.gtins, mpns = excluded.mpns,
               price = excluded.price, currency = excluded.currency, made_from = excluded.made_from
    ), change AS (
        SELECT t.term, 1 AS change FROM new AS n, unnest(n.tokens || ''::text) AS t (term)
        UNION ALL
        SELECT t.term, -1 FROM old AS o, unnest(o.tokens || ''::text) AS t (term)
    )
    INSERT INTO prod_match_term_changes (term, change)
    SELECT c.term, sum(c.change) FROM change AS c GROUP BY c.term HAVING sum(c.change) <> 0
$$;
COMMENT ON FUNCTION matching._put_keys(neanelu.prod_match_keys[]) IS
    'Writes what golden records are found by, and what that changes in the document counts. Idempotent. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching._drop_keys(p_product_ids uuid[]) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM prod_match_keys WHERE product_id = ANY (p_product_ids) RETURNING tokens
    )
    INSERT INTO prod_match_term_changes (term, change)
    SELECT t.term, -count(*) FROM gone AS g, unnest(g.tokens || ''::text) AS t (term) GROUP BY t.term
$$;
COMMENT ON FUNCTION matching._drop_keys(uuid[]) IS
    'Takes golden records out of what is found: duplicates. Idempotent. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching._model_number(p_model text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = matching, normalise, pg_temp
AS $$
    SELECT m.number FROM (SELECT normalise.mpn(p_model)) AS m (number) WHERE matching._is_code(matching._shape(lower(m.number)))
$$;
COMMENT ON FUNCTION matching._model_number(text) IS
    'A model as code in capitals, null where it is a name or too short to tell. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._master_keys(p_product_ids uuid[]) RETURNS SETOF neanelu.prod_match_keys
LANGUAGE sql STABLE ROWS 1000
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
    WITH product AS MATERIALIZED (
        SELECT m.id, m.canonical_title, m.brand, m.mpn, m.gtin, m.updated_at, row_number() OVER (ORDER BY m.id) AS item,
               ARRAY(SELECT DISTINCT l.gtin FROM prod_match_links AS l WHERE l.product_id = m.id AND l.gtin IS NOT NULL) AS gtins,
               ARRAY(SELECT DISTINCT l.mpn FROM prod_match_links AS l WHERE l.product_id = m.id AND l.mpn IS NOT NULL) AS mpns,
               ARRAY(SELECT DISTINCT l.model FROM prod_match_links AS l WHERE l.product_id = m.id AND l.model IS NOT NULL) AS models
          FROM prod_master AS m
         WHERE m.id = ANY (p_product_ids) AND m.dedupe_status <> 'duplicate'
    ), list AS (
        SELECT array_agg(p.id ORDER BY p.item) AS ids, array_agg(p.canonical_title ORDER BY p.item) AS titles, array_agg(p.brand::text ORDER BY p.item) AS brands,
               array_agg(array_to_string(coalesce(normalise.mpn(p.mpn), '') || p.mpns::text[] || p.models::text[], '|') ORDER BY p.item) AS mpns, array_agg(p.gtin::text ORDER BY p.item) AS gtins
          FROM product AS p
    )
    SELECT i.product_id, i.title, i.tokens || n.tokens, i.weights || array_fill(0::real, ARRAY[cardinality(n.tokens)]), i.codes, i.own_codes,
           i.measures, i.colours, i.brand, ARRAY(SELECT DISTINCT g FROM unnest(i.gtins || p.gtins::text[]) AS g), ARRAY(SELECT DISTINCT g FROM unnest(i.mpns || p.mpns::text[]) AS g),
           k.price, k.currency, p.updated_at
      FROM list AS l
     CROSS JOIN LATERAL matching._items(l.ids, l.titles, l.brands, l.mpns, l.gtins) AS i
      JOIN product AS p ON p.id = i.product_id
      LEFT JOIN prod_match_keys AS k ON k.product_id = i.product_id
     CROSS JOIN LATERAL (SELECT ARRAY(SELECT 'g:' || g FROM unnest(p.gtins) AS g WHERE g <> ALL (i.gtins)
                                      UNION SELECT 'p:' || m FROM unnest(p.mpns) AS m WHERE m <> ALL (i.mpns)) AS tokens) AS n
     WHERE l.ids IS NOT NULL
$$;
COMMENT ON FUNCTION matching._master_keys(uuid[]) IS
    'What golden records are found by, made from their decided title, brand and numbers and from the numbers that their sources say. Writes nothing, takes no '
    'locks. Raises: nothing';

CREATE FUNCTION matching.refresh_keys(p_product_ids uuid[]) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_keys constant prod_match_keys[] := ARRAY(SELECT k FROM matching._master_keys(p_product_ids) AS k);
BEGIN
    PERFORM matching._put_keys(v_keys);
    PERFORM matching._drop_keys(ARRAY(SELECT i FROM unnest(p_product_ids) AS i WHERE i <> ALL (ARRAY(SELECT (k).product_id FROM unnest(v_keys) AS k))));
    RETURN cardinality(v_keys);
END
$$;
COMMENT ON FUNCTION matching.refresh_keys(uuid[]) IS
    'Makes anew what these golden records are found by, after titles or numbers changed; those that are duplicates are found no more. Returns how many were '
    'made. Idempotent. Locks: the rows of prod_match_keys. Raises: nothing of its own';

GRANT EXECUTE ON FUNCTION matching.refresh_keys(uuid[]), matching.fold_terms(integer) TO neanelu_worker, neanelu_operator;

COMMIT;

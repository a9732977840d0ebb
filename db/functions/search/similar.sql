-- Deploy neanelu:functions/search/similar to pg
-- requires: functions/ai/vectors
-- requires: functions/search/catalogue
-- Nearest neighbours: of a shop's products for tenants, and what golden records use (functions/pim/search).
--
-- A tenant that has few of the vectors is searched exactly, row by row through its index; a graph that holds everybody's would visit a
-- thousand strangers for each of its own. Larger ones go through the graph of the model, which scans on until k are found.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, search, ai, app, extensions, pg_temp;
-- The parameters hnsw.* are known once the extension's library is loaded.
SELECT '[1]'::extensions.vector;

CREATE FUNCTION ai._query_vector(p_model neanelu.embedding_models, p_vector extensions.vector)
RETURNS extensions.vector
LANGUAGE plpgsql IMMUTABLE
SET search_path = neanelu, ai, pg_temp
AS $body$
BEGIN
    IF p_vector IS NULL OR extensions.vector_dims(p_vector) NOT IN (p_model.dimensions, 1536) OR extensions.vector_norm(p_vector) = 0 THEN
        RAISE EXCEPTION 'a vector of % has % dimensions, and is not zero', p_model.name, p_model.dimensions USING ERRCODE = 'NE004';
    END IF;
    RETURN ai._padded(p_vector);
END
$body$;
COMMENT ON FUNCTION ai._query_vector(neanelu.embedding_models, extensions.vector) IS
    'A question''s vector as vectors are kept; it comes as the model made it, or padded. Writes nothing, takes no locks. Raises: NE004 it is none of this model''s';

CREATE FUNCTION ai._indexed(p_model neanelu.embedding_models, p_vector text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE p_model.name WHEN 'text-embedding-3-small' THEN p_vector
           ELSE format('(extensions.subvector(%s, 1, %s)::extensions.halfvec(%s))', p_vector, p_model.dimensions, p_model.dimensions) END
$body$;
COMMENT ON FUNCTION ai._indexed(neanelu.embedding_models, text) IS
    'The expression over a vector that the indexes of a model are made of. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._source(p_model neanelu.embedding_models, p_shop_id uuid, p_type text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN p_shop_id IS NULL
           THEN format('neanelu.prod_embeddings AS e WHERE e.model_version = %L AND e.embedding_type = %L
                           AND EXISTS (SELECT FROM neanelu.prod_master AS p WHERE p.id = e.product_id AND p.dedupe_status <> ''duplicate'')',
                       p_model.name, p_type)
           ELSE format('neanelu.shop_product_embeddings AS e WHERE e.shop_id = %L AND e.model_version = %L AND e.embedding_type = %L AND e.status = ''ready''
                           AND EXISTS (SELECT FROM neanelu.shopify_products AS p WHERE p.shop_id = e.shop_id AND p.id = e.product_id AND p.deleted_at IS NULL)',
                       p_shop_id, p_model.name, p_type) END
$body$;
COMMENT ON FUNCTION ai._source(neanelu.embedding_models, uuid, text) IS
    'FROM and WHERE of the vectors to search, as e: those of a shop, or of golden records (NULL). Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._nearest_exact(p_model neanelu.embedding_models, p_shop_id uuid, p_type text, p_vector extensions.vector, p_limit integer)
RETURNS TABLE (product_id uuid, distance double precision)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = neanelu, ai, extensions, pg_temp
AS $body$
BEGIN
    FOR product_id, distance IN
        EXECUTE format('SELECT e.product_id, (e.embedding <=> $1) + 0 AS distance FROM %s ORDER BY 2, 1 LIMIT $2', ai._source(p_model, p_shop_id, p_type))
        USING p_vector, p_limit
    LOOP
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION ai._nearest_exact(neanelu.embedding_models, uuid, text, extensions.vector, integer) IS
    'Nearest products by cosine distance, every vector compared. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._nearest_by_graph(p_model neanelu.embedding_models, p_shop_id uuid, p_type text, p_vector extensions.vector, p_limit integer)
RETURNS TABLE (product_id uuid, distance double precision)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = neanelu, ai, extensions, pg_temp
SET hnsw.iterative_scan = 'relaxed_order'
SET hnsw.ef_search = 80
SET hnsw.max_scan_tuples = 40000
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $body$
BEGIN
    -- The graph's order is near enough for candidates; the answer's order is that of the whole vectors.
    FOR product_id, distance IN EXECUTE format(
        'WITH near AS MATERIALIZED (SELECT e.product_id, (e.embedding <=> $1) + 0 AS distance FROM %s ORDER BY %s <=> %s LIMIT $2)
         SELECT n.product_id, n.distance FROM near AS n ORDER BY 2, 1 LIMIT $3',
        ai._source(p_model, p_shop_id, p_type), ai._indexed(p_model, 'e.embedding'), ai._indexed(p_model, '$1'))
        USING p_vector, p_limit + p_limit / 2, p_limit
    LOOP
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION ai._nearest_by_graph(neanelu.embedding_models, uuid, text, extensions.vector, integer) IS
    'Nearest products by cosine distance through the model''s HNSW index, which is scanned on until enough are found. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._nearest(p_model neanelu.embedding_models, p_shop_id uuid, p_type text, p_vector extensions.vector, p_limit integer)
RETURNS TABLE (product_id uuid, distance double precision)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_few constant integer := 2000;
    v_count integer;
BEGIN
    IF p_shop_id IS NULL THEN
        SELECT count(*) INTO v_count FROM (SELECT FROM neanelu.prod_embeddings AS e LIMIT v_few + 1) AS x;
    ELSE
        SELECT count(*) INTO v_count FROM (SELECT FROM neanelu.shop_product_embeddings AS e WHERE e.shop_id = p_shop_id LIMIT v_few + 1) AS x;
    END IF;
    IF v_count <= v_few THEN
        RETURN QUERY SELECT n.product_id, n.distance FROM ai._nearest_exact(p_model, p_shop_id, p_type, p_vector, p_limit) AS n;
    ELSE
        RETURN QUERY SELECT n.product_id, n.distance FROM ai._nearest_by_graph(p_model, p_shop_id, p_type, p_vector, p_limit) AS n;
    END IF;
END
$body$;
COMMENT ON FUNCTION ai._nearest(neanelu.embedding_models, uuid, text, extensions.vector, integer) IS
    'Nearest products of a shop, or golden records (NULL): exactly among up to 2000 vectors, else through the graph. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search.by_vector(p_shop_id uuid, p_vector extensions.vector, p_limit integer DEFAULT 10, p_model text DEFAULT NULL)
RETURNS TABLE (id uuid, title text, vendor text, product_type text, distance double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, search, ai, app, extensions, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM search._assert_limit(p_limit);
    RETURN QUERY
    SELECT p.id, p.title, p.vendor::text, p.product_type::text, n.distance
      FROM ai._nearest(v_model, p_shop_id, 'combined', ai._query_vector(v_model, p_vector), p_limit) AS n
      JOIN neanelu.shopify_products AS p ON p.shop_id = p_shop_id AND p.id = n.product_id
     ORDER BY n.distance, p.id;
END
$body$;
COMMENT ON FUNCTION search.by_vector(uuid, extensions.vector, integer, text) IS
    'The shop''s live products whose vectors are nearest to one of the same model (NULL: the one in use), with their cosine distance, nearest first. '
    'Writes nothing, takes no locks. Raises: NA002, NE001 no such model, NE004 the vector is none of the model''s, NR004 page size';

CREATE FUNCTION search.similar_products(p_shop_id uuid, p_product_id uuid, p_limit integer DEFAULT 10, p_model text DEFAULT NULL)
RETURNS TABLE (id uuid, title text, vendor text, product_type text, distance double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, search, ai, app, extensions, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
    v_vector extensions.vector;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM search._assert_limit(p_limit);
    SELECT e.embedding INTO v_vector FROM neanelu.shop_product_embeddings AS e
     WHERE e.shop_id = p_shop_id AND e.product_id = p_product_id AND e.embedding_type = 'combined' AND e.model_version = v_model.name AND e.status = 'ready';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT p.id, p.title, p.vendor::text, p.product_type::text, n.distance
      FROM ai._nearest(v_model, p_shop_id, 'combined', v_vector, p_limit + 1) AS n
      JOIN neanelu.shopify_products AS p ON p.shop_id = p_shop_id AND p.id = n.product_id
     WHERE n.product_id <> p_product_id
     ORDER BY n.distance, p.id
     LIMIT p_limit;
END
$body$;
COMMENT ON FUNCTION search.similar_products(uuid, uuid, integer, text) IS
    'The shop''s live products that are most like one of its own, nearest first; no rows while it has no vector of the model (NULL: the one in use). '
    'Writes nothing, takes no locks. Raises: NA002, NE001 no such model, NR004 page size';

GRANT EXECUTE ON FUNCTION search.by_vector(uuid, extensions.vector, integer, text), search.similar_products(uuid, uuid, integer, text)
    TO neanelu_tenant, neanelu_app;

COMMIT;

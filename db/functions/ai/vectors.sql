-- Deploy neanelu:functions/ai/vectors to pg
-- requires: functions/ai/texts
-- Vectors come in: each for the text that it was made from, or not at all. And which model is in use.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, app, extensions, pg_temp;

CREATE FUNCTION ai._padded(p_vector extensions.vector)
RETURNS extensions.vector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN extensions.vector_dims(p_vector) < 1536
           THEN extensions.vector_concat(u.unit, array_fill(0::real, ARRAY[1536 - extensions.vector_dims(p_vector)])::extensions.vector)
           ELSE u.unit END
      FROM (SELECT extensions.l2_normalize(p_vector) AS unit) AS u
$body$;
COMMENT ON FUNCTION ai._padded(extensions.vector) IS
    'The vector with length one and zeros up to 1536 dimensions, as it is kept. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._vector(p_text text, p_dimensions integer)
RETURNS extensions.vector
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_text constant text := translate(p_text, '[]', '{}');
    v_values real[];
BEGIN
    -- A vector's own input function cannot be asked whether it would refuse.
    IF pg_input_is_valid(v_text, 'real[]') THEN
        v_values := v_text::real[];
        IF array_ndims(v_values) = 1 AND cardinality(v_values) = p_dimensions AND array_position(v_values, NULL) IS NULL
           AND NOT ('{NaN,Infinity,-Infinity}'::real[] && v_values) AND extensions.vector_norm(v_values::extensions.vector) > 0 THEN
            RETURN ai._padded(v_values::extensions.vector);
        END IF;
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION ai._vector(text, integer) IS
    'A vector from its text, [0.1,0.2], padded; NULL when it is none, has other dimensions, or is zero. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._keep_vectors(p_items uuid[], p_vectors extensions.vector[])
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, ai, pg_temp
AS $body$
BEGIN
    INSERT INTO neanelu.prod_embeddings AS e (product_id, embedding_type, embedding, content_hash, model_version, dimensions)
    SELECT i.product_id, i.embedding_type, v.vector, i.content_hash, i.model, m.dimensions
      FROM unnest(p_items, p_vectors) AS v (id, vector) JOIN neanelu.embedding_items AS i ON i.id = v.id AND i.kind = 'product'
      JOIN neanelu.embedding_models AS m ON m.name = i.model
     ORDER BY i.product_id
    ON CONFLICT (product_id, embedding_type, model_version) DO UPDATE
       SET embedding = excluded.embedding, content_hash = excluded.content_hash, dimensions = excluded.dimensions, created_at = now();

    INSERT INTO neanelu.shop_product_embeddings AS e
           (shop_id, product_id, embedding_type, embedding, content_hash, model_version, dimensions, status, generated_at)
    SELECT i.shop_id, i.shop_product_id, i.embedding_type, v.vector, i.content_hash, i.model, m.dimensions, 'ready', now()
      FROM unnest(p_items, p_vectors) AS v (id, vector) JOIN neanelu.embedding_items AS i ON i.id = v.id AND i.kind = 'shop_product'
      JOIN neanelu.embedding_models AS m ON m.name = i.model
     ORDER BY i.shop_id, i.shop_product_id
    ON CONFLICT (shop_id, product_id, embedding_type, model_version) DO UPDATE
       SET embedding = excluded.embedding, content_hash = excluded.content_hash, dimensions = excluded.dimensions, status = 'ready',
           error_message = NULL, generated_at = excluded.generated_at, updated_at = now();

    -- Attributes keep one vector: that of the model in use.
    UPDATE neanelu.prod_attr_definitions AS d SET embedding = v.vector, embedding_model = i.model
      FROM unnest(p_items, p_vectors) AS v (id, vector) JOIN neanelu.embedding_items AS i ON i.id = v.id AND i.kind = 'attribute'
     WHERE d.id = i.definition_id AND (d.embedding_model IS NULL OR i.model = (SELECT m.name FROM neanelu.embedding_models AS m WHERE m.is_default));

    INSERT INTO neanelu.embedding_texts (model_version, content, content_hash, embedding)
    SELECT i.model, i.content, i.content_hash, v.vector
      FROM unnest(p_items, p_vectors) AS v (id, vector) JOIN neanelu.embedding_items AS i ON i.id = v.id AND i.kind = 'text'
     ORDER BY i.content_hash
    ON CONFLICT DO NOTHING;

    UPDATE neanelu.embedding_items AS i SET status = 'done', content = NULL, batch_id = NULL, error_message = NULL, updated_at = now()
     WHERE i.id = ANY (p_items) AND i.kind = 'attribute';
    DELETE FROM neanelu.embedding_items AS i WHERE i.id = ANY (p_items) AND i.kind <> 'attribute';
END
$body$;
COMMENT ON FUNCTION ai._keep_vectors(uuid[], extensions.vector[]) IS
    'Writes the vectors of items, which the caller has locked, to where they belong, and ends the items. Locks: rows of vectors. Raises: nothing';

CREATE FUNCTION ai.store_vectors(p_custom_ids text[], p_vectors text[])
RETURNS TABLE (stored integer, stale integer, refused integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_items uuid[];
    v_vectors extensions.vector[];
    v_refused uuid[];
BEGIN
    IF cardinality(p_custom_ids) <> cardinality(p_vectors) THEN
        RAISE EXCEPTION '% texts with % vectors', cardinality(p_custom_ids), cardinality(p_vectors) USING ERRCODE = 'NE005';
    END IF;
    WITH came AS MATERIALIZED (
        SELECT DISTINCT ON (c.id) c.id, c.hash, c.vector
          FROM (SELECT CASE WHEN pg_input_is_valid(left(x.custom_id, 36), 'uuid') THEN left(x.custom_id, 36)::uuid END AS id,
                       substr(x.custom_id, 38) AS hash, x.vector
                  FROM unnest(p_custom_ids, p_vectors) AS x (custom_id, vector)) AS c),
    held AS MATERIALIZED (
        SELECT i.id, ai._vector(c.vector, m.dimensions) AS vector
          FROM came AS c JOIN neanelu.embedding_items AS i ON i.id = c.id AND left(i.content_hash, 16) = c.hash AND i.status <> 'done'
          JOIN neanelu.embedding_models AS m ON m.name = i.model
         ORDER BY i.id FOR UPDATE OF i)
    SELECT coalesce(array_agg(h.id) FILTER (WHERE h.vector IS NOT NULL), '{}'), array_agg(h.vector) FILTER (WHERE h.vector IS NOT NULL),
           coalesce(array_agg(h.id) FILTER (WHERE h.vector IS NULL), '{}')
      INTO v_items, v_vectors, v_refused FROM held AS h;
    IF cardinality(v_items) > 0 THEN
        PERFORM ai._keep_vectors(v_items, v_vectors);
    END IF;
    stored := cardinality(v_items);
    refused := CASE WHEN cardinality(v_refused) > 0 THEN ai._fail(v_refused, array_fill('no vector of this model'::text, ARRAY[cardinality(v_refused)]), true) ELSE 0 END;
    stale := cardinality(p_custom_ids) - stored - refused;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION ai.store_vectors(text[], text[]) IS
    'Keeps vectors ("[0.1,…]", of the model''s dimensions) for the texts with these custom_ids: stored. stale came too late: they are known already, or the text has changed since. '
    'refused are no vectors of the model, and are tried again as ai.fail_texts does. Any order, partial, idempotent. Locks: items in the order of ids, rows of vectors. '
    'Raises: NE005 not as many vectors as texts';

CREATE FUNCTION ai._fail(p_items uuid[], p_errors text[], p_retry boolean)
RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = neanelu, ai, pg_temp
AS $body$
    WITH failed AS (
        UPDATE neanelu.embedding_items AS i
           SET status = CASE WHEN p_retry AND i.attempts < 8 THEN 'pending' ELSE 'failed' END, batch_id = NULL,
               available_at = now() + least(interval '1 minute' * (2 ^ least(i.attempts, 10)), interval '6 hours'),
               error_message = coalesce(left(f.error, 2000), 'unknown'), updated_at = now()
          FROM unnest(p_items, p_errors) AS f (id, error)
         WHERE i.id = f.id AND i.status IN ('claimed', 'batched', 'pending')
        RETURNING i.id)
    SELECT count(*)::integer FROM failed
$body$;
COMMENT ON FUNCTION ai._fail(uuid[], text[], boolean) IS
    'Puts items back for later, twice as long each time, or gives them up: p_retry false, or eight attempts. Locks: the rows. Raises: nothing';

CREATE FUNCTION ai.fail_texts(p_custom_ids text[], p_errors text[], p_retry boolean DEFAULT true)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_items uuid[];
    v_errors text[];
BEGIN
    SELECT array_agg(h.id), array_agg(h.error) INTO v_items, v_errors
      FROM (SELECT i.id, x.error
              FROM unnest(p_custom_ids, p_errors) AS x (custom_id, error)
              JOIN neanelu.embedding_items AS i
                ON i.id = CASE WHEN pg_input_is_valid(left(x.custom_id, 36), 'uuid') THEN left(x.custom_id, 36)::uuid END
               AND left(i.content_hash, 16) = substr(x.custom_id, 38)
             ORDER BY i.id FOR UPDATE OF i) AS h;
    RETURN CASE WHEN v_items IS NULL THEN 0 ELSE ai._fail(v_items, v_errors, p_retry) END;
END
$body$;
COMMENT ON FUNCTION ai.fail_texts(text[], text[], boolean) IS
    'Texts brought no vector: they wait, two minutes and twice as long each time, until the eighth attempt; at once failed with p_retry false (the provider will never take it). '
    'What changed or came meanwhile is left alone. Returns how many. Locks: the rows, in the order of ids. Raises: nothing';

CREATE FUNCTION ai.use_model(p_model text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
BEGIN
    UPDATE neanelu.embedding_models AS m SET is_default = false WHERE m.is_default AND m.name <> v_model.name;
    UPDATE neanelu.embedding_models AS m SET is_default = true WHERE m.name = v_model.name AND NOT m.is_default;
END
$body$;
COMMENT ON FUNCTION ai.use_model(text) IS
    'Puts a model to use: it gets the texts from now on, and searches ask for its vectors. Those of the former model stay, for going back. Idempotent. '
    'Locks: rows of embedding_models. Raises: NE001';

CREATE FUNCTION ai.list_models()
RETURNS TABLE (name text, provider text, dimensions integer, is_default boolean, product_vectors bigint, shop_vectors bigint, waiting bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
    SELECT m.name::text, m.provider::text, m.dimensions, m.is_default,
           (SELECT count(*) FROM neanelu.prod_embeddings AS e WHERE e.model_version = m.name),
           (SELECT count(*) FROM neanelu.shop_product_embeddings AS e WHERE e.model_version = m.name AND e.status = 'ready'),
           (SELECT count(*) FROM neanelu.embedding_items AS i WHERE i.model = m.name AND i.status IN ('pending', 'claimed', 'batched')),
           (SELECT count(*) FROM neanelu.embedding_items AS i WHERE i.model = m.name AND i.status = 'failed')
      FROM neanelu.embedding_models AS m ORDER BY m.is_default DESC, m.name
$body$;
COMMENT ON FUNCTION ai.list_models() IS
    'Models with how many vectors there are, how many texts wait for one, and how many got none. Reads all vectors'' rows. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai.list_waiting(p_model text DEFAULT NULL)
RETURNS TABLE (kind text, shop_id uuid, embedding_type text, status text, texts bigint, tokens bigint, oldest timestamptz, last_error text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
    SELECT i.kind::text, i.shop_id, i.embedding_type::text, i.status::text, count(*), sum(i.tokens)::bigint, min(i.created_at),
           (array_agg(i.error_message ORDER BY i.updated_at DESC) FILTER (WHERE i.error_message IS NOT NULL))[1]
      FROM neanelu.embedding_items AS i
     WHERE i.model = (ai._model(p_model)).name AND i.status <> 'done'
     GROUP BY i.kind, i.shop_id, i.embedding_type, i.status
     ORDER BY i.kind, i.shop_id, i.embedding_type, i.status
$body$;
COMMENT ON FUNCTION ai.list_waiting(text) IS
    'Texts that wait for a vector of a model (NULL: the one in use) or failed, by kind, shop and status, with estimated tokens. Writes nothing, takes no locks. Raises: NE001';

CREATE FUNCTION ai.index_statements(p_model text, p_rebuild boolean DEFAULT false)
RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
    SELECT CASE WHEN i.name IS NULL
           THEN format('CREATE INDEX CONCURRENTLY %I ON neanelu.%I USING hnsw ((extensions.subvector(embedding, 1, %s)::extensions.halfvec(%s)) extensions.halfvec_cosine_ops)'
                       ' WITH (m = %s, ef_construction = %s) WHERE model_version = %L AND embedding_type = %L',
                       'idx_' || t.short || '_' || left(md5(m.name), 8) || '_' || t.kind, t.name, m.dimensions, m.dimensions, t.m, t.ef, m.name, t.kind)
           ELSE format('REINDEX INDEX CONCURRENTLY neanelu.%I', i.name) END
      FROM neanelu.embedding_models AS m
     CROSS JOIN (VALUES ('prod_embeddings', 'embeddings', 'combined', 16, 64), ('prod_embeddings', 'embeddings', 'title', 16, 64),
                        ('shop_product_embeddings', 'shop_embeddings', 'combined', 24, 128)) AS t (name, short, kind, m, ef)
      LEFT JOIN LATERAL (
           SELECT x.indexname AS name FROM pg_catalog.pg_indexes AS x
            WHERE x.schemaname = 'neanelu' AND x.tablename = t.name AND x.indexdef LIKE '%USING hnsw%'
              AND position(quote_literal(m.name) IN x.indexdef) > 0
              AND (position(quote_literal(t.kind) IN x.indexdef) > 0 OR x.indexdef NOT LIKE '%embedding_type%')
            LIMIT 1) AS i ON true
     WHERE m.name = (ai._model(p_model)).name AND (i.name IS NULL OR p_rebuild)
     GROUP BY m.name, m.dimensions, t.name, t.short, t.kind, t.m, t.ef, i.name
     ORDER BY 1
$body$;
COMMENT ON FUNCTION ai.index_statements(text, boolean) IS
    'Statements that make the indexes which a model lacks, and with p_rebuild those that build the ones it has anew; for the owner of the tables, outside of a transaction '
    '(neanelu embeddings reindex). Writes nothing, takes no locks. Raises: NE001';

GRANT EXECUTE ON FUNCTION ai.store_vectors(text[], text[]), ai.fail_texts(text[], text[], boolean) TO neanelu_ai, neanelu_worker;
GRANT EXECUTE ON FUNCTION ai.list_models(), ai.list_waiting(text) TO neanelu_ai, neanelu_worker, neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION ai.use_model(text), ai.index_statements(text, boolean) TO neanelu_operator;

COMMIT;

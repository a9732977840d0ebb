-- Deploy neanelu:functions/ai/texts to pg
-- requires: policies/vectors
-- requires: functions/app/context
-- Which texts need a vector: texts of products and attributes are put together here, compared by hash, queued and claimed.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, app, extensions, pg_temp;

CREATE FUNCTION ai._model(p_model text)
RETURNS neanelu.embedding_models
LANGUAGE plpgsql STABLE
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_model neanelu.embedding_models;
BEGIN
    SELECT * INTO v_model FROM neanelu.embedding_models AS m WHERE CASE WHEN p_model IS NULL THEN m.is_default ELSE m.name = p_model END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', coalesce(quote_literal(p_model), 'in use') USING ERRCODE = 'NE001',
            HINT = 'neanelu embeddings models';
    END IF;
    RETURN v_model;
END
$body$;
COMMENT ON FUNCTION ai._model(text) IS 'A model by its name, NULL for the one in use. Writes nothing, takes no locks. Raises: NE001 there is none';

CREATE FUNCTION ai._spoken(p_value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE jsonb_typeof(p_value)
           WHEN 'array' THEN (SELECT string_agg(coalesce(e ->> 'value', e #>> '{}'), ', ') FROM jsonb_array_elements(p_value) AS e)
           WHEN 'object' THEN concat_ws(' ', CASE WHEN jsonb_typeof(p_value -> 'value') = 'array'
                                                  THEN (SELECT string_agg(e, ' x ') FROM jsonb_array_elements_text(p_value -> 'value') AS e)
                                                  ELSE p_value ->> 'value' END, p_value ->> 'unit')
           WHEN 'boolean' THEN CASE WHEN p_value::boolean THEN 'yes' ELSE 'no' END
           ELSE p_value #>> '{}' END
$body$;
COMMENT ON FUNCTION ai._spoken(jsonb) IS 'A value of a golden record as words: 27 inch; red, blue; yes. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._plain(p_html text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT btrim(regexp_replace(
               replace(replace(replace(replace(replace(replace(
                   regexp_replace(regexp_replace(left(p_html, 100000), '<(script|style)[^>]*>.*?</\1\s*>', ' ', 'gi'), '<[^>]*>', ' ', 'g'),
                   '&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''), '&amp;', '&'),
               '\s+', ' ', 'g'))
$body$;
COMMENT ON FUNCTION ai._plain(text) IS
    'The text of a piece of HTML, its first 100,000 characters: without tags, scripts and styles, spaces single. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._cut(p_text text, p_bytes integer)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_text text := p_text;
BEGIN
    WHILE octet_length(v_text) > p_bytes LOOP
        v_text := left(v_text, (length(v_text)::bigint * p_bytes / octet_length(v_text))::integer - 1);
    END LOOP;
    RETURN rtrim(v_text);
END
$body$;
COMMENT ON FUNCTION ai._cut(text, integer) IS 'A text''s beginning of at most so many bytes. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._hash(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$ SELECT encode(sha256(convert_to(p_text, 'UTF8')), 'hex') $body$;
COMMENT ON FUNCTION ai._hash(text) IS 'SHA-256 of a text in UTF-8, hexadecimal. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._product_texts(p_ids uuid[], p_type text)
RETURNS TABLE (id uuid, content text)
LANGUAGE sql STABLE
SET search_path = neanelu, ai, pg_temp
AS $body$
    WITH facts AS (
        SELECT m.id, e.description_master,
               concat_ws(' ', CASE WHEN m.brand <> '' AND position(lower(m.brand) IN lower(m.canonical_title)) = 0 THEN m.brand END, m.canonical_title) AS title,
               (SELECT string_agg(coalesce(d.label, replace(v.key, '_', ' ')) || ': ' || ai._spoken(v.value), '; ' ORDER BY v.key COLLATE "C")
                  FROM jsonb_each(s.specs) AS v
                  LEFT JOIN neanelu.prod_attr_definitions AS d ON d.code = v.key
                 WHERE v.key NOT IN ('title', 'brand', 'description', 'category')) AS specs,
               array_to_string(t.breadcrumbs, ' > ') AS category
          FROM unnest(p_ids) AS w (id)
          JOIN neanelu.prod_master AS m ON m.id = w.id
          LEFT JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current
          LEFT JOIN neanelu.prod_semantics AS e ON e.product_id = m.id
          LEFT JOIN neanelu.prod_taxonomy AS t ON t.id = m.taxonomy_id)
    SELECT f.id, CASE p_type WHEN 'title' THEN f.title
                             WHEN 'specs' THEN f.specs
                             WHEN 'description' THEN ai._plain(f.description_master)
                             ELSE concat_ws(E'\n', f.title, nullif(f.category, ''), f.specs, nullif(ai._plain(f.description_master), '')) END
      FROM facts AS f
$body$;
COMMENT ON FUNCTION ai._product_texts(uuid[], text) IS
    'What is embedded of golden records: title (with the brand), specs, description, or combined, where the category stands, too. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._shop_product_texts(p_shop_id uuid, p_ids uuid[], p_type text)
RETURNS TABLE (id uuid, content text)
LANGUAGE sql STABLE
SET search_path = neanelu, ai, pg_temp
AS $body$
    SELECT p.id, CASE p_type WHEN 'title' THEN p.title
                             WHEN 'description' THEN d.words
                             ELSE concat_ws(E'\n', p.title, nullif(p.vendor, ''), nullif(p.product_type, ''),
                                            nullif(array_to_string(p.tags, ', '), ''), nullif(d.words, '')) END
      FROM unnest(p_ids) AS w (id)
      JOIN neanelu.shopify_products AS p ON p.shop_id = p_shop_id AND p.id = w.id
     CROSS JOIN LATERAL (SELECT ai._plain(coalesce(p.description, p.description_html)) AS words) AS d
$body$;
COMMENT ON FUNCTION ai._shop_product_texts(uuid, uuid[], text) IS
    'What is embedded of a shop''s products: title, description, or combined: title, vendor, type, tags and description without HTML. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._attribute_texts(p_ids uuid[])
RETURNS TABLE (id uuid, content text)
LANGUAGE sql STABLE
SET search_path = neanelu, ai, pg_temp
AS $body$
    SELECT d.id, concat_ws(E'\n', d.label || coalesce(' (' || d.unit || ')', ''),
                 (SELECT string_agg(x.word, ', ' ORDER BY x.place)
                    FROM (SELECT coalesce(v.value ->> 'code', v.value #>> '{}') AS word, v.place
                            FROM jsonb_array_elements(CASE jsonb_typeof(d.allowed_values) WHEN 'array' THEN d.allowed_values END)
                                 WITH ORDINALITY AS v (value, place)
                           ORDER BY v.place LIMIT 20) AS x))
      FROM unnest(p_ids) AS w (id)
      JOIN neanelu.prod_attr_definitions AS d ON d.id = w.id
$body$;
COMMENT ON FUNCTION ai._attribute_texts(uuid[]) IS
    'What is embedded of attributes: name, unit and up to 20 allowed values as examples. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._changed(p_kind text, p_shop_id uuid, p_horizon xid8, p_after uuid, p_limit integer)
RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    -- Rows keep the transaction that wrote them. Once numbers have gone half round, all rows are looked at again.
    v_age constant integer := CASE WHEN p_horizon IS NULL OR pg_snapshot_xmax(pg_current_snapshot())::text::numeric - p_horizon::text::numeric > 2000000000
                                   THEN 2147483647 ELSE age(p_horizon::xid) END;
    v_after constant uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
    v_ids uuid[];
BEGIN
    IF p_kind = 'shop_product' THEN
        SELECT array_agg(c.id ORDER BY c.id) INTO v_ids
          FROM (SELECT p.id FROM neanelu.shopify_products AS p
                 WHERE p.shop_id = p_shop_id AND p.id > v_after AND p.deleted_at IS NULL AND age(p.xmin) <= v_age
                 ORDER BY p.id LIMIT p_limit) AS c;
    ELSIF p_kind = 'product' THEN
        SELECT array_agg(c.id ORDER BY c.id) INTO v_ids
          FROM (SELECT m.id FROM neanelu.prod_master AS m
                  LEFT JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current
                  LEFT JOIN neanelu.prod_semantics AS e ON e.product_id = m.id
                 WHERE m.id > v_after AND m.dedupe_status <> 'duplicate'
                   AND least(age(m.xmin), coalesce(age(s.xmin), 2147483647), coalesce(age(e.xmin), 2147483647)) <= v_age
                 ORDER BY m.id LIMIT p_limit) AS c;
    ELSE
        SELECT array_agg(c.id ORDER BY c.id) INTO v_ids
          FROM (SELECT d.id FROM neanelu.prod_attr_definitions AS d WHERE d.id > v_after AND age(d.xmin) <= v_age
                 ORDER BY d.id LIMIT p_limit) AS c;
    END IF;
    RETURN coalesce(v_ids, '{}');
END
$body$;
COMMENT ON FUNCTION ai._changed(text, uuid, xid8, uuid, integer) IS
    'Ids above p_after of what was written since the horizon (NULL: everything), in their order. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._next_page(p_purpose text, p_kind text, p_shop_id uuid, p_limit integer)
RETURNS TABLE (ids uuid[], is_complete boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_sweep neanelu.embedding_sweeps;
BEGIN
    INSERT INTO neanelu.embedding_sweeps (purpose, shop_id) VALUES (p_purpose, p_shop_id) ON CONFLICT DO NOTHING;
    SELECT * INTO v_sweep FROM neanelu.embedding_sweeps AS s
     WHERE s.purpose = p_purpose AND s.shop_id IS NOT DISTINCT FROM p_shop_id FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN  -- somebody else is at it
        RETURN QUERY SELECT '{}'::uuid[], true;
        RETURN;
    END IF;
    ids := ai._changed(p_kind, p_shop_id, v_sweep.horizon, v_sweep.cursor_id, p_limit);
    is_complete := cardinality(ids) < p_limit;
    UPDATE neanelu.embedding_sweeps AS s
       SET horizon = CASE WHEN is_complete THEN coalesce(s.next_horizon, pg_snapshot_xmin(pg_current_snapshot())) ELSE s.horizon END,
           next_horizon = CASE WHEN NOT is_complete THEN coalesce(s.next_horizon, pg_snapshot_xmin(pg_current_snapshot())) END,
           cursor_id = CASE WHEN NOT is_complete THEN ids[p_limit] END,
           swept_at = CASE WHEN is_complete THEN now() ELSE s.swept_at END
     WHERE s.id = v_sweep.id;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION ai._next_page(text, text, uuid, integer) IS
    'The next ids of a sweep, and whether the sweep is complete with them; then the next call begins anew with what changed meanwhile. '
    'Locks: the sweep''s row; while another has it, nothing is returned. Raises: nothing';

CREATE FUNCTION ai._texts(p_kind text, p_shop_id uuid, p_ids uuid[], p_type text, p_model neanelu.embedding_models)
RETURNS TABLE (id uuid, content text, content_hash text)
LANGUAGE sql STABLE
SET search_path = neanelu, ai, pg_temp
AS $body$
    SELECT t.id, t.content, ai._hash(t.content)
      FROM (SELECT x.id, ai._cut(x.content, p_model.max_bytes) AS content
              FROM (SELECT a.id, a.content FROM ai._product_texts(p_ids, p_type) AS a WHERE p_kind = 'product'
                    UNION ALL
                    SELECT a.id, a.content FROM ai._shop_product_texts(p_shop_id, p_ids, p_type) AS a WHERE p_kind = 'shop_product'
                    UNION ALL
                    SELECT a.id, a.content FROM ai._attribute_texts(p_ids) AS a WHERE p_kind = 'attribute') AS x) AS t
     WHERE t.content <> ''
       AND NOT EXISTS (SELECT FROM neanelu.prod_embeddings AS e
                        WHERE p_kind = 'product' AND e.product_id = t.id AND e.embedding_type = p_type AND e.model_version = p_model.name
                          AND e.content_hash = ai._hash(t.content))
       AND NOT EXISTS (SELECT FROM neanelu.shop_product_embeddings AS e
                        WHERE p_kind = 'shop_product' AND e.shop_id = p_shop_id AND e.product_id = t.id AND e.embedding_type = p_type
                          AND e.model_version = p_model.name AND e.status = 'ready' AND e.content_hash = ai._hash(t.content))
$body$;
COMMENT ON FUNCTION ai._texts(text, uuid, uuid[], text, neanelu.embedding_models) IS
    'The texts of these things that have no vector of this model for their present hash, cut to what the model takes; none is empty. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION ai._queue(p_kind text, p_shop_id uuid, p_ids uuid[], p_type text, p_model neanelu.embedding_models)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, ai, pg_temp
SET plan_cache_mode = force_custom_plan
AS $body$
DECLARE
    v_queued integer;
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT t.id, t.content, t.content_hash FROM ai._texts(p_kind, p_shop_id, p_ids, p_type, p_model) AS t),
    known AS MATERIALIZED (
        SELECT i.id, i.content_hash, i.status, coalesce(i.product_id, i.shop_product_id, i.definition_id) AS thing
          FROM unnest(p_ids) AS w (id)
          JOIN neanelu.embedding_items AS i
            ON (p_kind = 'product' AND i.product_id = w.id OR p_kind = 'attribute' AND i.definition_id = w.id
                OR p_kind = 'shop_product' AND i.shop_id = p_shop_id AND i.shop_product_id = w.id)
         WHERE i.embedding_type = p_type AND i.model = p_model.name
         ORDER BY i.id
           FOR UPDATE OF i),
    dropped AS (  -- the text went back to what has a vector
        DELETE FROM neanelu.embedding_items AS i USING known AS k
         WHERE i.id = k.id AND k.status <> 'done' AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.id = k.thing)),
    changed AS (
        UPDATE neanelu.embedding_items AS i
           SET content = w.content, content_hash = w.content_hash, tokens = ceil(octet_length(w.content) / 3.0), status = 'pending', attempts = 0,
               available_at = now(), batch_id = NULL, error_message = NULL, updated_at = now()
          FROM known AS k JOIN wanted AS w ON w.id = k.thing
         WHERE i.id = k.id AND i.content_hash <> w.content_hash
        RETURNING i.id),
    added AS (
        INSERT INTO neanelu.embedding_items AS i (kind, shop_id, shop_product_id, product_id, definition_id, embedding_type, model, content, content_hash, tokens)
        SELECT p_kind, p_shop_id, CASE p_kind WHEN 'shop_product' THEN w.id END, CASE p_kind WHEN 'product' THEN w.id END,
               CASE p_kind WHEN 'attribute' THEN w.id END, p_type, p_model.name, w.content, w.content_hash, ceil(octet_length(w.content) / 3.0)
          FROM wanted AS w
         WHERE NOT EXISTS (SELECT FROM known AS k WHERE k.thing = w.id)
         ORDER BY w.id
        ON CONFLICT DO NOTHING
        RETURNING i.id)
    SELECT (SELECT count(*) FROM changed) + (SELECT count(*) FROM added) INTO v_queued;
    RETURN v_queued;
END
$body$;
COMMENT ON FUNCTION ai._queue(text, uuid, uuid[], text, neanelu.embedding_models) IS
    'Queues the texts of these things that have no vector for their present hash, and takes back what waits for a text that is no more. Returns how many '
    'were queued or changed. Idempotent. Locks: their items, in the order of ids. Raises: nothing';

CREATE FUNCTION ai.collect_texts(p_kind text, p_model text DEFAULT NULL, p_shop_id uuid DEFAULT NULL, p_limit integer DEFAULT 1000,
    p_type text DEFAULT 'combined', p_ids uuid[] DEFAULT NULL)
RETURNS TABLE (checked integer, queued integer, is_complete boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, app, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
    v_type constant text := CASE p_kind WHEN 'attribute' THEN 'attribute' ELSE p_type END;
    v_ids uuid[] := p_ids;
BEGIN
    IF NOT coalesce(p_kind = 'product' AND v_type IN ('title', 'description', 'specs', 'combined') AND p_shop_id IS NULL
                    OR p_kind = 'shop_product' AND v_type IN ('title', 'description', 'combined')
                    OR p_kind = 'attribute' AND p_shop_id IS NULL, false) OR p_limit NOT BETWEEN 1 AND 100000 THEN
        RAISE EXCEPTION 'there are no texts % of kind %', p_type, p_kind USING ERRCODE = 'NE002',
            HINT = 'product, attribute, or shop_product with a shop; title, description, specs (product), combined; 1 to 100000';
    END IF;
    IF p_kind = 'shop_product' THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    is_complete := true;
    IF v_ids IS NULL THEN
        SELECT n.ids, n.is_complete INTO v_ids, is_complete
          FROM ai._next_page(p_kind || '/' || v_type || '/' || v_model.name, p_kind, p_shop_id, p_limit) AS n;
    END IF;
    checked := cardinality(v_ids);
    queued := CASE WHEN checked > 0 THEN ai._queue(p_kind, p_shop_id, v_ids, v_type, v_model) ELSE 0 END;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION ai.collect_texts(text, text, uuid, integer, text, uuid[]) IS
    'Queues texts that need a vector: of kind product, attribute or (of one shop) shop_product, for a model (NULL: the one in use). Looks at up to p_limit things '
    'that were written since they were last looked at, or at p_ids. Call until is_complete. Idempotent. '
    'Locks: the sweep''s row, and items. Raises: NA002, NE001 no such model, NE002 no such kind or type';

CREATE FUNCTION ai.recheck_texts(p_model text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_sweeps integer;
BEGIN
    UPDATE neanelu.embedding_sweeps AS s SET horizon = NULL, next_horizon = NULL, cursor_id = NULL
     WHERE split_part(s.purpose, '/', 3) = (ai._model(p_model)).name;
    GET DIAGNOSTICS v_sweeps = ROW_COUNT;
    UPDATE neanelu.embedding_items AS i SET status = 'pending', attempts = 0, available_at = now(), error_message = NULL, updated_at = now()
     WHERE i.model = (ai._model(p_model)).name AND i.status = 'failed';
    RETURN v_sweeps;
END
$body$;
COMMENT ON FUNCTION ai.recheck_texts(text) IS
    'Makes the next ai.collect_texts of a model look at everything again, and lets what failed be tried again. Returns the sweeps. Idempotent. '
    'Locks: their rows. Raises: NE001';

CREATE FUNCTION ai.request_vectors(p_texts text[], p_model text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
    v_queued integer;
BEGIN
    INSERT INTO neanelu.embedding_items (kind, embedding_type, model, content, content_hash, tokens)
    SELECT DISTINCT ON (h.content_hash) 'text', 'text', v_model.name, t.content, h.content_hash, ceil(octet_length(t.content) / 3.0)
      FROM (SELECT ai._cut(x.content, v_model.max_bytes) AS content FROM unnest(p_texts) AS x (content)) AS t
     CROSS JOIN LATERAL (SELECT ai._hash(t.content) AS content_hash) AS h
     WHERE t.content <> ''
       AND NOT EXISTS (SELECT FROM neanelu.embedding_texts AS e WHERE e.model_version = v_model.name AND e.content_hash = h.content_hash)
     ORDER BY h.content_hash
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_queued = ROW_COUNT;
    RETURN v_queued;
END
$body$;
COMMENT ON FUNCTION ai.request_vectors(text[], text) IS
    'Queues free standing texts whose vectors are wanted (ai.vectors_of has them later), for a model (NULL: the one in use). Returns how many are new. Idempotent. '
    'Locks: none. Raises: NE001';

CREATE FUNCTION ai.vectors_of(p_texts text[], p_model text DEFAULT NULL)
RETURNS TABLE (content text, embedding extensions.vector)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
BEGIN
    RETURN QUERY
    SELECT t.content, e.embedding
      FROM (SELECT DISTINCT x.content FROM unnest(p_texts) AS x (content)) AS t
      JOIN neanelu.embedding_texts AS e
        ON e.model_version = v_model.name AND e.content_hash = ai._hash(ai._cut(t.content, v_model.max_bytes));
END
$body$;
COMMENT ON FUNCTION ai.vectors_of(text[], text) IS
    'The vectors that there are of free standing texts, padded to 1536; a text without one is missing (ai.request_vectors). Writes nothing, takes no locks. Raises: NE001';

CREATE FUNCTION ai.claim_texts(p_model text, p_limit integer DEFAULT 256, p_max_tokens bigint DEFAULT NULL, p_lease interval DEFAULT '5 minutes',
    p_batch_id uuid DEFAULT NULL, p_shop_id uuid DEFAULT NULL, p_type text DEFAULT NULL)
RETURNS TABLE (custom_id text, content text, content_hash text, tokens integer, shop_id uuid, embedding_type text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
SET plan_cache_mode = force_custom_plan
AS $body$
BEGIN
    -- Who claimed a text eight times and brought no vector is stopped by it.
    UPDATE neanelu.embedding_items AS i
       SET status = 'failed', error_message = coalesce(i.error_message, 'claimed eight times without a vector'), updated_at = now()
     WHERE i.id IN (SELECT x.id FROM neanelu.embedding_items AS x
                     WHERE x.model = p_model AND x.status IN ('pending', 'claimed') AND x.available_at <= now() AND x.attempts >= 8
                     LIMIT 1000 FOR UPDATE SKIP LOCKED);
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT i.id, i.tokens FROM neanelu.embedding_items AS i
         WHERE i.model = p_model AND i.status IN ('pending', 'claimed') AND i.available_at <= now()
           AND (p_shop_id IS NULL OR i.shop_id = p_shop_id) AND (p_type IS NULL OR i.embedding_type = p_type)
         ORDER BY i.available_at, i.id LIMIT p_limit FOR UPDATE SKIP LOCKED),
    taken AS (
        SELECT d.id FROM (SELECT x.id, x.tokens, sum(x.tokens) OVER (ORDER BY x.id) AS so_far FROM due AS x) AS d
         WHERE p_max_tokens IS NULL OR d.so_far <= p_max_tokens OR d.so_far = d.tokens),
    claimed AS (
        UPDATE neanelu.embedding_items AS i
           SET status = CASE WHEN p_batch_id IS NULL THEN 'claimed' ELSE 'batched' END, batch_id = p_batch_id, attempts = i.attempts + 1,
               available_at = now() + p_lease, updated_at = now()
          FROM taken AS t WHERE i.id = t.id
        RETURNING i.id, i.content, i.content_hash, i.tokens, i.shop_id, i.embedding_type)
    SELECT c.id || '-' || left(c.content_hash, 16), c.content, c.content_hash::text, c.tokens, c.shop_id, c.embedding_type::text
      FROM claimed AS c ORDER BY length(c.content), c.id;
END
$body$;
COMMENT ON FUNCTION ai.claim_texts(text, integer, bigint, interval, uuid, uuid, text) IS
    'Hands out texts that wait for a vector of this model, short ones first: up to p_limit and p_max_tokens (by estimate; one in any case), of one shop or type when named. '
    'Without a batch they can be claimed again after p_lease; with p_batch_id they stay with it until ai.release_texts. Answer with ai.store_vectors or ai.fail_texts. '
    'Locks: the rows, skipping what others have. Raises: nothing of its own';

CREATE FUNCTION ai.release_texts(p_batch_id uuid, p_delay interval DEFAULT '0', p_forgive boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_released integer;
BEGIN
    UPDATE neanelu.embedding_items AS i
       SET status = 'pending', batch_id = NULL, available_at = now() + p_delay, updated_at = now(),
           attempts = CASE WHEN p_forgive THEN greatest(i.attempts - 1, 0) ELSE i.attempts END
     WHERE i.batch_id = p_batch_id;
    GET DIAGNOSTICS v_released = ROW_COUNT;
    RETURN v_released;
END
$body$;
COMMENT ON FUNCTION ai.release_texts(uuid, interval, boolean) IS
    'Gives back the texts of a batch that brought no vector (it failed, expired, was cancelled, or its results are all taken); p_forgive does not count the attempt. '
    'Returns how many. Idempotent. Locks: the rows. Raises: nothing';

CREATE FUNCTION ai.collect_words(p_shop_id uuid DEFAULT NULL, p_limit integer DEFAULT 5000)
RETURNS TABLE (checked integer, added integer, is_complete boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, app, pg_temp
AS $body$
DECLARE
    v_ids uuid[];
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    SELECT n.ids, n.is_complete INTO v_ids, is_complete
      FROM ai._next_page('words', CASE WHEN p_shop_id IS NULL THEN 'product' ELSE 'shop_product' END, p_shop_id, p_limit) AS n;
    INSERT INTO neanelu.search_words (shop_id, word)
    SELECT DISTINCT p_shop_id, w.word
      FROM (SELECT to_tsvector('neanelu.pim_simple', concat_ws(' ', m.brand, m.canonical_title)) AS words
              FROM neanelu.prod_master AS m WHERE p_shop_id IS NULL AND m.id = ANY (v_ids)
            UNION ALL
            SELECT to_tsvector('pg_catalog.simple', p.title)
              FROM neanelu.shopify_products AS p WHERE p.shop_id = p_shop_id AND p.id = ANY (v_ids)) AS t
     CROSS JOIN LATERAL unnest(tsvector_to_array(t.words)) AS w (word)
     WHERE length(w.word) BETWEEN 3 AND 40
     ORDER BY w.word
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    checked := cardinality(v_ids);
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION ai.collect_words(uuid, integer) IS
    'Adds the words of titles that were written since the last time, of a shop or of golden records (NULL), to those that mistyped words are compared with. '
    'Call until is_complete. Idempotent. Locks: the sweep''s row. Raises: NA002';

CREATE FUNCTION ai.collect_due(p_model text DEFAULT NULL, p_limit integer DEFAULT 2000, p_every interval DEFAULT '5 minutes')
RETURNS TABLE (checked bigint, queued bigint, is_complete boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $body$
DECLARE
    v_model constant neanelu.embedding_models := ai._model(p_model);
    v_due record;
    v_done record;
BEGIN
    checked := 0;
    queued := 0;
    is_complete := true;
    FOR v_due IN
        SELECT w.kind, w.shop_id
          FROM (SELECT x.kind, x.shop_id, x.kind || x.purpose AS purpose
                  FROM (VALUES ('product', NULL::uuid, '/combined/' || v_model.name), ('attribute', NULL, '/attribute/' || v_model.name),
                               ('words', NULL, '')) AS x (kind, shop_id, purpose)
                UNION ALL
                SELECT x.kind, s.id, x.kind || x.purpose
                  FROM neanelu.shops AS s
                 CROSS JOIN (VALUES ('shop_product', '/combined/' || v_model.name), ('words', '')) AS x (kind, purpose)
                 WHERE s.uninstalled_at IS NULL) AS w
          LEFT JOIN neanelu.embedding_sweeps AS e ON e.purpose = w.purpose AND e.shop_id IS NOT DISTINCT FROM w.shop_id
         WHERE e.swept_at IS NULL OR e.cursor_id IS NOT NULL OR e.swept_at <= now() - p_every
         ORDER BY w.shop_id, w.kind
    LOOP
        IF v_due.kind = 'words' THEN
            SELECT t.checked, 0 AS queued, t.is_complete INTO v_done FROM ai.collect_words(v_due.shop_id, p_limit) AS t;
        ELSE
            SELECT t.checked, t.queued, t.is_complete INTO v_done FROM ai.collect_texts(v_due.kind, p_model, v_due.shop_id, p_limit) AS t;
        END IF;
        checked := checked + v_done.checked;
        queued := queued + v_done.queued;
        is_complete := is_complete AND v_done.is_complete;
    END LOOP;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION ai.collect_due(text, integer, interval) IS
    'ai.collect_texts (combined) of golden records, attributes and the products of all installed shops, and ai.collect_words: of each up to p_limit that changed, no '
    'sooner than p_every after it was last done. Call until is_complete. Idempotent. Locks: as these. Raises: NE001';

GRANT EXECUTE ON FUNCTION
    ai.collect_texts(text, text, uuid, integer, text, uuid[]), ai.collect_words(uuid, integer), ai.collect_due(text, integer, interval), ai.request_vectors(text[], text), ai.vectors_of(text[], text),
    ai.claim_texts(text, integer, bigint, interval, uuid, uuid, text), ai.release_texts(uuid, interval, boolean)
    TO neanelu_ai, neanelu_worker;
GRANT EXECUTE ON FUNCTION ai.recheck_texts(text) TO neanelu_ai, neanelu_operator;
GRANT EXECUTE ON FUNCTION ai.request_vectors(text[], text), ai.vectors_of(text[], text) TO neanelu_pim_editor;

COMMIT;

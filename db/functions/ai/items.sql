-- Deploy neanelu:functions/ai/items to pg
-- requires: functions/ai/budgets
-- Questions come into batches: each input once, each batch within the provider's limits.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, extensions, pg_temp;

CREATE FUNCTION ai._input_hash(p_endpoint text, p_body jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN encode(sha256(convert_to(p_endpoint || p_body::text, 'UTF8')), 'hex');
COMMENT ON FUNCTION ai._input_hash(text, jsonb) IS 'SHA-256 of a request, hexadecimal: by it the same input is known. Pure. Raises: nothing';

CREATE FUNCTION ai._new_batch(
    p_batch_type text, p_provider text, p_model text, p_endpoint text, p_shop_id uuid, p_attempt integer, p_max_attempts integer, p_start_at timestamptz)
RETURNS ai_batch_runs
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH made AS (
        INSERT INTO neanelu.ai_batches (shop_id, provider, batch_type) VALUES (p_shop_id, p_provider, p_batch_type) RETURNING id
    )
    INSERT INTO neanelu.ai_batch_runs (batch_id, ai_batch_id, provider, model, endpoint, attempt, max_attempts, is_open, next_step_at)
    SELECT m.id, m.id, p_provider, p_model, p_endpoint, p_attempt, p_max_attempts, p_attempt = 1, p_start_at FROM made AS m
    RETURNING *
$$;
COMMENT ON FUNCTION ai._new_batch(text, text, text, text, uuid, integer, integer, timestamptz) IS
    'Makes an empty batch that is begun at p_start_at; only those of first attempts take further items. Raises: 23503 the model is not known';

CREATE FUNCTION ai._open_batch(p_batch_type text, p_provider text, p_model text, p_endpoint text, p_shop_id uuid, p_linger interval)
RETURNS ai_batch_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run ai_batch_runs;
BEGIN
    SELECT r.* INTO v_run
      FROM neanelu.ai_batch_runs AS r
      JOIN neanelu.ai_batches AS b ON b.id = r.ai_batch_id
     WHERE r.is_open AND b.status = 'pending' AND b.batch_type = p_batch_type AND b.shop_id IS NOT DISTINCT FROM p_shop_id
       AND r.provider = p_provider AND r.model = p_model AND r.endpoint = p_endpoint
     ORDER BY r.batch_id DESC LIMIT 1
       FOR NO KEY UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN
        v_run := ai._new_batch(p_batch_type, p_provider, p_model, p_endpoint, p_shop_id, 1, 5, clock_timestamp() + p_linger);
    END IF;
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION ai._open_batch(text, text, text, text, uuid, interval) IS
    'The batch that takes further items of this kind, a new one where there is none. Locks: its row; one that a daemon is just beginning is passed over. Raises: 23503';

CREATE FUNCTION ai._fill(p_run ai_batch_runs, p_items uuid[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_model ai_models;
    v_count integer;
    v_bytes bigint;
    v_tokens bigint;
    v_answer bigint;
    v_has   integer;
BEGIN
    SELECT * INTO STRICT v_model FROM neanelu.ai_models AS m WHERE m.provider = p_run.provider AND m.model = p_run.model;
    SELECT b.request_count INTO STRICT v_has FROM neanelu.ai_batches AS b WHERE b.id = p_run.ai_batch_id;
    -- The longest beginning of the list that fits; sizes are those of the bodies and what a line has around them.
    SELECT max(s.n), max(s.bytes), max(s.tokens), max(s.answer) INTO v_count, v_bytes, v_tokens, v_answer
      FROM (SELECT u.n, sum(octet_length(i.input_content) + 200) OVER w AS bytes, sum(ai.estimate_tokens(i.input_content)) OVER w AS tokens,
                   sum(coalesce((i.input_content::jsonb ->> 'max_completion_tokens')::integer, 0)) OVER w AS answer
              FROM unnest(p_items) WITH ORDINALITY AS u (id, n)
              JOIN neanelu.ai_batch_items AS i ON i.id = u.id
            WINDOW w AS (ORDER BY u.n)) AS s
     WHERE s.n + v_has <= v_model.max_batch_requests AND s.bytes + p_run.input_bytes <= v_model.max_batch_bytes
       AND (s.tokens + p_run.input_tokens <= v_model.max_batch_tokens OR s.n + v_has = 1);
    IF v_count IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE neanelu.ai_batch_items AS i SET batch_id = p_run.batch_id, status = 'pending' WHERE i.id = ANY (p_items[1:v_count]);
    UPDATE neanelu.ai_batches AS b SET request_count = b.request_count + v_count, updated_at = now() WHERE b.id = p_run.ai_batch_id;
    UPDATE neanelu.ai_batch_runs AS r
       SET input_bytes = r.input_bytes + v_bytes, input_tokens = r.input_tokens + v_tokens, output_tokens_max = r.output_tokens_max + v_answer,
           updated_at = now()
     WHERE r.batch_id = p_run.batch_id;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION ai._fill(ai_batch_runs, uuid[]) IS
    'Puts as many of the items, from the first on, into a batch as fit within the model''s limits; returns how many. Locks: the items, the batch. Raises: nothing';

CREATE FUNCTION ai._distribute(p_run ai_batch_runs, p_items uuid[], p_linger interval)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run   ai_batch_runs := p_run;
    v_batch ai_batches;
    v_count integer;
    v_left  uuid[] := p_items;
BEGIN
    SELECT * INTO STRICT v_batch FROM neanelu.ai_batches AS b WHERE b.id = p_run.ai_batch_id;
    LOOP
        v_count := ai._fill(v_run, v_left);
        v_left := v_left[v_count + 1:];
        EXIT WHEN v_left = '{}';
        IF v_count = 0 AND v_run.input_bytes = 0 THEN
            RAISE EXCEPTION 'a request of % bytes fits into no batch',
                            (SELECT octet_length(i.input_content) FROM neanelu.ai_batch_items AS i WHERE i.id = v_left[1]) USING ERRCODE = 'NT006';
        END IF;
        -- Full: nothing more comes in; one of a first attempt may begin at once, others keep their pause.
        UPDATE neanelu.ai_batch_runs AS r
           SET is_open = false, next_step_at = CASE WHEN r.attempt = 1 THEN clock_timestamp() ELSE r.next_step_at END
         WHERE r.batch_id = v_run.batch_id;
        v_run := ai._new_batch(v_batch.batch_type, v_run.provider, v_run.model, v_run.endpoint, v_batch.shop_id, v_run.attempt, v_run.max_attempts,
                               CASE WHEN v_run.attempt = 1 THEN clock_timestamp() + p_linger ELSE v_run.next_step_at END);
    END LOOP;
END
$$;
COMMENT ON FUNCTION ai._distribute(ai_batch_runs, uuid[], interval) IS
    'Puts items into a batch, and what does not fit into further ones of the same kind. Locks: items, batches. Raises: NT006 one request is too large for any batch';

CREATE FUNCTION ai.add_items(
    p_batch_type text, p_provider text, p_model text, p_endpoint text, p_entity_type text, p_entity_ids uuid[], p_bodies jsonb[],
    p_shop_id uuid DEFAULT NULL, p_linger interval DEFAULT '30 seconds')
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, app, pg_temp
AS $$
DECLARE
    v_key    constant text := concat_ws('/', 'ai.items', p_batch_type, p_provider, p_model, p_shop_id);
    v_run    ai_batch_runs;
    v_hashes text[];
    v_new    bigint[];
    v_items  uuid[];
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    IF p_bodies IS NULL OR p_entity_ids IS NULL OR cardinality(p_bodies) <> cardinality(p_entity_ids) OR array_position(p_bodies, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'entities and bodies are not in pairs' USING ERRCODE = 'NT006';
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.ai_models AS m WHERE m.provider = p_provider AND m.model = p_model AND m.is_active) THEN
        RAISE EXCEPTION 'model % of % is not known, or not to be used', p_model, p_provider
            USING ERRCODE = 'NT001', HINT = format('neanelu ai models set %s %s --input USD --output USD', p_provider, p_model);
    END IF;
    IF p_bodies = '{}' THEN
        RETURN '{}'::uuid[];
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(v_key, 0));
    SELECT array_agg(ai._input_hash(p_endpoint, u.body) ORDER BY u.n) INTO v_hashes FROM unnest(p_bodies) WITH ORDINALITY AS u (body, n);
    -- The same input is asked once: while it waits, and after it was answered.
    SELECT array_agg(f.n ORDER BY f.n) INTO v_new
      FROM (SELECT min(u.n) AS n FROM unnest(v_hashes) WITH ORDINALITY AS u (hash, n)
             WHERE NOT EXISTS (SELECT FROM neanelu.ai_batch_items AS x WHERE x.content_hash = u.hash AND x.shop_id IS NOT DISTINCT FROM p_shop_id
                                  AND x.status IN ('pending', 'submitted', 'completed'))
             GROUP BY u.hash) AS f;
    IF v_new IS NOT NULL THEN
        v_run := ai._open_batch(p_batch_type, p_provider, p_model, p_endpoint, p_shop_id, p_linger);
        WITH made AS (
            INSERT INTO neanelu.ai_batch_items (batch_id, shop_id, entity_type, entity_id, input_content, content_hash)
            SELECT v_run.batch_id, p_shop_id, p_entity_type, p_entity_ids[u.n], p_bodies[u.n]::text, v_hashes[u.n] FROM unnest(v_new) AS u (n)
            RETURNING id
        )
        SELECT array_agg(m.id ORDER BY m.id) INTO v_items FROM made AS m;
        UPDATE neanelu.ai_batch_items AS i SET custom_id = i.id::text WHERE i.id = ANY (v_items);
        PERFORM ai._distribute(v_run, v_items, p_linger);
    END IF;
    SELECT array_agg(x.id ORDER BY u.n) INTO v_items
      FROM unnest(v_hashes) WITH ORDINALITY AS u (hash, n)
     CROSS JOIN LATERAL (
        SELECT i.id FROM neanelu.ai_batch_items AS i
         WHERE i.content_hash = u.hash AND i.shop_id IS NOT DISTINCT FROM p_shop_id AND i.status IN ('pending', 'submitted', 'completed')
         ORDER BY i.id LIMIT 1) AS x;
    RETURN v_items;
END
$$;
COMMENT ON FUNCTION ai.add_items(text, text, text, text, text, uuid[], jsonb[], uuid, interval) IS
    'Asks a model: puts bodies of requests into batches, p_entity_ids saying what each is about, and returns the item of each body. A body that waits or was answered before '
    '(of the same shop) is not asked again: its item is returned. A batch is begun when it is full, or p_linger after its first item. Idempotent. Locks: an advisory lock of '
    'model, kind and shop, batches. Raises: NA002 not your shop, NT001 the model is not known, NT006 no pairs, or one body is too large for any batch';

CREATE FUNCTION ai._requeue(p_run ai_batch_runs, p_items uuid[], p_pause interval)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_batch ai_batches;
    v_run   ai_batch_runs;
BEGIN
    SELECT * INTO STRICT v_batch FROM neanelu.ai_batches AS b WHERE b.id = p_run.ai_batch_id;
    v_run := ai._new_batch(v_batch.batch_type, p_run.provider, p_run.model, p_run.endpoint, v_batch.shop_id, p_run.attempt + 1, p_run.max_attempts,
                           clock_timestamp() + p_pause);
    UPDATE neanelu.ai_batch_items AS i SET error_message = NULL WHERE i.id = ANY (p_items);
    PERFORM ai._distribute(v_run, p_items, p_pause);
END
$$;
COMMENT ON FUNCTION ai._requeue(ai_batch_runs, uuid[], interval) IS
    'Puts items that were not answered into a batch of the next attempt, begun after a pause. Locks: items, batches. Raises: nothing of its own';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ai FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ai.add_items(text, text, text, text, text, uuid[], jsonb[], uuid, interval) TO neanelu_ai, neanelu_worker;

COMMIT;

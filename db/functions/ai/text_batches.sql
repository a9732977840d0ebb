-- Deploy neanelu:functions/ai/text_batches to pg
-- requires: functions/ai/batches
-- requires: functions/ai/vectors
-- Batches of texts that wait for vectors: the same engine, with texts for items.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, extensions, pg_temp;

CREATE FUNCTION ai.begin_text_batch(p_provider text, p_minimum integer DEFAULT 1, p_linger interval DEFAULT '30 seconds')
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_model ai_models;
    v_first record;
    v_batch uuid;
    v_sum   record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ai.begin_text_batch/' || p_provider, 0));
    FOR v_model IN
        SELECT m.* FROM neanelu.ai_models AS m JOIN neanelu.embedding_models AS e ON e.name = m.model
         WHERE m.provider = p_provider AND e.provider <> 'local' AND m.kind = 'embedding' AND m.is_active ORDER BY e.is_default DESC, m.model
    LOOP
        SELECT w.shop_id, w.available_at, w.waiting INTO v_first
          FROM (SELECT i.shop_id, i.available_at, count(*) OVER () AS waiting
                  FROM (SELECT x.shop_id, x.available_at FROM neanelu.embedding_items AS x
                         WHERE x.model = v_model.model AND x.status IN ('pending', 'claimed') AND x.available_at <= now()
                         ORDER BY x.available_at, x.id LIMIT greatest(p_minimum, 1)) AS i) AS w
         ORDER BY w.available_at LIMIT 1;
        CONTINUE WHEN NOT FOUND OR (v_first.waiting < p_minimum AND v_first.available_at > now() - p_linger);
        INSERT INTO neanelu.embedding_batches (shop_id, batch_type, model, dimensions)
        SELECT v_first.shop_id, 'combined', e.name, e.dimensions FROM neanelu.embedding_models AS e WHERE e.name = v_model.model
        RETURNING id INTO v_batch;
        SELECT count(*)::integer AS texts, coalesce(sum(c.tokens), 0) AS tokens, coalesce(sum(octet_length(c.content) * 2 + 300), 0) AS bytes,
               min(c.embedding_type) AS first_type, max(c.embedding_type) AS last_type INTO v_sum
          FROM ai.claim_texts(v_model.model, v_model.max_batch_requests, least(v_model.max_batch_tokens, v_model.max_batch_bytes / 4), '1 day', v_batch,
                              v_first.shop_id) AS c;
        IF v_sum.texts = 0 THEN
            DELETE FROM neanelu.embedding_batches AS b WHERE b.id = v_batch;
            CONTINUE;
        END IF;
        UPDATE neanelu.embedding_batches AS b
           SET total_items = v_sum.texts,
               batch_type = CASE WHEN v_sum.first_type IS DISTINCT FROM v_sum.last_type THEN 'combined'
                                 ELSE CASE v_sum.first_type WHEN 'title' THEN 'product_title' WHEN 'description' THEN 'product_description' WHEN 'specs' THEN 'specs'
                                                            WHEN 'attribute' THEN 'attribute' ELSE 'combined' END END
         WHERE b.id = v_batch;
        INSERT INTO neanelu.ai_batch_runs (batch_id, embedding_batch_id, provider, model, endpoint, is_open, input_bytes, input_tokens, next_step_at)
        VALUES (v_batch, v_batch, p_provider, v_model.model, '/v1/embeddings', false, v_sum.bytes, v_sum.tokens, clock_timestamp());
        RETURN v_batch;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ai.begin_text_batch(text, integer, interval) IS
    'Puts texts that wait for vectors of a provider''s model into a batch, of one shop when the first is a shop''s: as soon as there are p_minimum, or one has waited for p_linger. '
    'Returns the batch, null when it is not time. Idempotent in effect: a text is in one batch. Locks: an advisory lock of the provider, the texts without waiting. Raises: nothing';

CREATE FUNCTION ai._text_lines(p_batch_id uuid, p_after text, p_limit integer)
RETURNS TABLE (custom_id text, body text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT l.custom_id, l.body
      FROM (SELECT i.id || '-' || left(i.content_hash, 16) AS custom_id,
                   jsonb_build_object('model', i.model, 'input', i.content, 'dimensions', b.dimensions)::text AS body
              FROM neanelu.embedding_items AS i
              JOIN neanelu.embedding_batches AS b ON b.id = i.batch_id
             WHERE i.batch_id = p_batch_id AND i.status = 'batched') AS l
     WHERE l.custom_id > coalesce(p_after, '')
     ORDER BY l.custom_id LIMIT p_limit
$$;
COMMENT ON FUNCTION ai._text_lines(uuid, text, integer) IS
    'Requests for the vectors of a batch''s texts, by custom_id, behind p_after. Reads only. Raises: nothing';

CREATE FUNCTION ai._restart_take(p_batch_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.ai_batch_runs AS r SET tokens_in = 0, tokens_out = 0 WHERE r.batch_id = p_batch_id AND r.embedding_batch_id IS NOT NULL;
    UPDATE neanelu.embedding_batches AS b SET completed_items = 0, failed_items = 0, tokens_used = 0 WHERE b.id = p_batch_id;
$$;
COMMENT ON FUNCTION ai._restart_take(uuid) IS
    'Sets what was counted of a batch of texts to zero, when its answers are read from the first one on: texts that have their vector are gone, so they cannot say that they '
    'were counted. Locks: the batch. Raises: nothing';

CREATE FUNCTION ai._take_vectors(p_run ai_batch_runs, p_custom_ids text[], p_http_statuses integer[], p_bodies text[], p_errors text[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_good    record;
    v_bad     record;
    v_refused integer := 0;
BEGIN
    SELECT array_agg(u.custom_id) AS ids, array_agg(coalesce((u.body -> 'data' -> 0 -> 'embedding')::text, '')) AS vectors,
           coalesce(sum(ai._int(u.body -> 'usage' -> 'prompt_tokens')), 0) AS tokens, count(*)::integer AS texts INTO v_good
      FROM (SELECT x.custom_id, ai._usable(x.body) AS body FROM unnest(p_custom_ids, p_http_statuses, p_bodies, p_errors) AS x (custom_id, status, body, error)
             WHERE x.status = 200 AND x.error IS NULL) AS u;
    SELECT array_agg(x.custom_id) AS ids, array_agg(format('NT106 %s %s', coalesce(x.error, 'HTTP'), x.status)) AS errors, count(*)::integer AS texts INTO v_bad
      FROM unnest(p_custom_ids, p_http_statuses, p_errors) AS x (custom_id, status, error)
     WHERE NOT (x.status IS NOT DISTINCT FROM 200 AND x.error IS NULL) AND NOT ai._is_retried(x.status, x.error);
    IF v_good.ids IS NOT NULL THEN
        SELECT v.refused INTO v_refused FROM ai.store_vectors(v_good.ids, v_good.vectors) AS v;
    END IF;
    IF v_bad.ids IS NOT NULL THEN
        PERFORM ai.fail_texts(v_bad.ids, v_bad.errors, false);
    END IF;
    -- A provider that answers twice does not break the accounts.
    UPDATE neanelu.embedding_batches AS b
       SET completed_items = least(b.completed_items + v_good.texts - v_refused, b.total_items - b.failed_items), tokens_used = b.tokens_used + v_good.tokens
     WHERE b.id = p_run.batch_id;
    UPDATE neanelu.embedding_batches AS b
       SET failed_items = least(b.failed_items + v_bad.texts + v_refused, b.total_items - b.completed_items), updated_at = now()
     WHERE b.id = p_run.batch_id;
    UPDATE neanelu.ai_batch_runs AS r SET tokens_in = r.tokens_in + v_good.tokens WHERE r.batch_id = p_run.batch_id;
    RETURN v_good.texts + v_bad.texts;
END
$$;
COMMENT ON FUNCTION ai._take_vectors(ai_batch_runs, text[], integer[], text[], text[]) IS
    'Stores the vectors of answers; texts that the provider will never take have failed, those that were not executed stay in the batch until its end. Returns how many answers '
    'ended a text. Idempotent but for the counts, which ai._restart_take sets to zero. Locks: the batch, texts, vectors. Raises: nothing of its own';

CREATE FUNCTION ai._finish_texts(p_run ai_batch_runs, p_status text, p_backoff interval)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_left constant integer := ai.release_texts(p_run.batch_id, p_backoff, p_status IN ('expired', 'cancelled'));
BEGIN
    UPDATE neanelu.embedding_batches AS b
       SET failed_items = least(b.failed_items + v_left, b.total_items - b.completed_items) WHERE b.id = p_run.batch_id;
END
$$;
COMMENT ON FUNCTION ai._finish_texts(ai_batch_runs, text, interval) IS
    'Lets texts go that got no vector: they wait for another batch, p_backoff at least. Locks: the batch, texts. Raises: nothing of its own';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ai FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ai.begin_text_batch(text, integer, interval) TO neanelu_ai;

COMMIT;

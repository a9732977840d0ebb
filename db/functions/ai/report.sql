-- Deploy neanelu:functions/ai/report to pg
-- requires: functions/ai/extraction
-- requires: functions/ai/text_batches
-- What operators see of batches, and the few things that they do to them.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, extensions, pg_temp;

CREATE FUNCTION ai.list_batches(p_statuses text[] DEFAULT NULL, p_limit integer DEFAULT 50, p_batch_id uuid DEFAULT NULL)
RETURNS TABLE (
    batch_id uuid, batch_type text, status text, provider text, model text, attempt integer, requests integer, completed integer, failed integer, tokens bigint,
    cost numeric, provider_batch_id text, provider_status text, next_step_at timestamptz, leased_by text, created_at timestamptz, submitted_at timestamptz,
    completed_at timestamptz, error text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT b.id, b.batch_type::text, b.status::text, r.provider::text, r.model::text, r.attempt, b.requests, b.completed, b.failed, b.tokens, b.cost, b.provider_batch_id::text,
           r.provider_status::text, r.next_step_at, r.leased_by::text, b.created_at, b.submitted_at, b.completed_at, coalesce(b.error_message, r.last_error)
      FROM (SELECT a.id, a.batch_type, a.status, a.request_count AS requests, a.completed_count AS completed, a.error_count AS failed, a.total_tokens::bigint AS tokens,
                   a.estimated_cost AS cost, a.provider_batch_id, a.created_at, a.submitted_at, a.completed_at, a.error_message
              FROM neanelu.ai_batches AS a
            UNION ALL
            SELECT e.id, 'embedding', e.status, e.total_items, e.completed_items, e.failed_items, e.tokens_used::bigint, e.estimated_cost, e.openai_batch_id, e.created_at,
                   e.submitted_at, e.completed_at, e.error_message
              FROM neanelu.embedding_batches AS e) AS b
      JOIN neanelu.ai_batch_runs AS r ON r.batch_id = b.id
     WHERE (p_statuses IS NULL OR b.status = ANY (p_statuses)) AND (p_batch_id IS NULL OR b.id = p_batch_id)
     ORDER BY b.id DESC LIMIT p_limit
$$;
COMMENT ON FUNCTION ai.list_batches(text[], integer, uuid) IS
    'Batches of both kinds, the last first; cost in USD: put aside while it runs, then what it came to. Reads only. Raises: nothing';

CREATE FUNCTION ai.batch_errors(p_batch_id uuid, p_limit integer DEFAULT 20)
RETURNS TABLE (item_id uuid, custom_id text, entity_type text, entity_id uuid, status text, error text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT i.id, i.custom_id::text, i.entity_type::text, i.entity_id, i.status::text, i.error_message
      FROM neanelu.ai_batch_items AS i WHERE i.batch_id = p_batch_id AND i.error_message IS NOT NULL ORDER BY i.id LIMIT p_limit
$$;
COMMENT ON FUNCTION ai.batch_errors(uuid, integer) IS 'Items of a batch that went wrong. Reads only. Raises: nothing';

CREATE FUNCTION ai.cancel_batch(p_batch_id uuid)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run    ai_batch_runs;
    v_status text;
    v_items  uuid[];
BEGIN
    SELECT * INTO v_run FROM neanelu.ai_batch_runs AS r WHERE r.batch_id = p_batch_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no batch %', p_batch_id USING ERRCODE = 'NT004';
    END IF;
    v_status := ai._status(p_batch_id);
    IF v_status IN ('completed', 'failed', 'expired', 'cancelled') THEN
        RAISE EXCEPTION 'batch % has ended: %', p_batch_id, v_status USING ERRCODE = 'NT005';
    END IF;
    IF v_status <> 'pending' THEN
        UPDATE neanelu.ai_batch_runs AS r SET is_cancelling = true, next_step_at = least(r.next_step_at, clock_timestamp()) WHERE r.batch_id = p_batch_id;
        RETURN 'cancelling';
    END IF;
    IF v_run.ai_batch_id IS NULL THEN
        PERFORM ai._finish_texts(v_run, 'cancelled', '1 day');
    ELSE
        SELECT array_agg(i.id ORDER BY i.id) INTO v_items FROM neanelu.ai_batch_items AS i WHERE i.batch_id = p_batch_id AND i.status = 'pending';
        PERFORM ai._give_up(v_items, 'cancelled', 'NT105 cancelled');
    END IF;
    PERFORM ai._mark(p_batch_id, 'cancelled', NULL, 0);
    PERFORM ai._let_go(p_batch_id, NULL);
    RETURN 'cancelled';
END
$$;
COMMENT ON FUNCTION ai.cancel_batch(uuid) IS
    'Cancels a batch: at once when nothing was sent, else the provider is told, what it has answered is taken and paid, and the rest is not asked again. Returns cancelled or '
    'cancelling. Locks: the batch, items. Raises: NT004 there is no such batch, NT005 it has ended';

CREATE FUNCTION ai.retry_batch(p_batch_id uuid)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run   ai_batch_runs;
    v_items uuid[];
BEGIN
    SELECT * INTO v_run FROM neanelu.ai_batch_runs AS r WHERE r.batch_id = p_batch_id FOR NO KEY UPDATE;
    IF NOT FOUND OR v_run.ai_batch_id IS NULL THEN
        RAISE EXCEPTION 'there is no batch % of requests', p_batch_id
            USING ERRCODE = 'NT004', HINT = 'Texts go into another batch by themselves; neanelu embeddings status';
    END IF;
    IF v_run.next_step_at IS NOT NULL THEN
        RAISE EXCEPTION 'batch % has not ended', p_batch_id USING ERRCODE = 'NT005';
    END IF;
    -- Asked and answered for good under the old name; the new one is a new question, which is paid again.
    WITH again AS (
        UPDATE neanelu.ai_batch_items AS i
           SET status = 'pending', output_content = NULL, tokens_used = NULL, processed_at = NULL, custom_id = left(i.id::text || '-' || extract(epoch FROM clock_timestamp())::bigint, 100)
         WHERE i.batch_id = p_batch_id
           AND (i.status IN ('failed', 'cancelled')
                OR i.status = 'completed' AND EXISTS (SELECT FROM neanelu.ai_extractions AS x WHERE x.item_id = i.id AND x.status = 'failed'))
        RETURNING i.id
    )
    SELECT array_agg(a.id ORDER BY a.id) INTO v_items FROM again AS a;
    IF v_items IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE neanelu.ai_extractions AS x
       SET status = 'queued', done_at = NULL, error_code = NULL, error_message = NULL, session_id = NULL, refused = '[]'
     WHERE x.item_id = ANY (v_items) AND x.status = 'failed' AND x.page_text IS NOT NULL AND x.asked IS NOT NULL;
    v_run.attempt := 0;
    PERFORM ai._requeue(v_run, v_items, '0');
    RETURN cardinality(v_items);
END
$$;
COMMENT ON FUNCTION ai.retry_batch(uuid) IS
    'Asks those items of an ended batch again, in another one, that failed, were cancelled, or whose answer was of no use; that is paid anew. Returns how many. Idempotent: they '
    'are in the other batch then. Locks: the batch, items, extractions. Raises: NT004 there is no such batch, NT005 it has not ended';

CREATE FUNCTION ai.metrics()
RETURNS TABLE (batch_type text, pending bigint, submitting bigint, running bigint, items_waiting bigint, oldest_seconds float8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT t.kind, count(*) FILTER (WHERE b.status = 'pending'), count(*) FILTER (WHERE b.status = 'submitting'),
           count(*) FILTER (WHERE b.status IN ('submitted', 'processing')), coalesce(sum(b.waiting), 0)::bigint,
           coalesce(extract(epoch FROM clock_timestamp() - min(b.created_at)), 0)::float8
      FROM (VALUES ('extraction'), ('embedding'), ('translation'), ('enrichment')) AS t (kind)
      LEFT JOIN (SELECT a.batch_type, a.status, a.request_count - a.completed_count - a.error_count AS waiting, a.created_at
                   FROM neanelu.ai_batches AS a WHERE a.status IN ('pending', 'submitting', 'submitted', 'processing')
                 UNION ALL
                 SELECT 'embedding', e.status, e.total_items - e.completed_items - e.failed_items, e.created_at
                   FROM neanelu.embedding_batches AS e WHERE e.status IN ('pending', 'submitting', 'submitted', 'processing')) AS b ON b.batch_type = t.kind
     GROUP BY t.kind ORDER BY t.kind
$$;
COMMENT ON FUNCTION ai.metrics() IS 'How many batches of each type are at which stage, items that wait for an answer, age of the oldest batch. Reads only. Raises: nothing';

CREATE FUNCTION ai.outlook(p_provider text)
RETURNS TABLE (pages bigint, texts bigint, batches bigint, held_back bigint, next_step_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT (SELECT count(*) FROM neanelu.ai_extractions AS x WHERE x.status = 'requested'),
           (SELECT count(*) FROM neanelu.embedding_items AS i
              JOIN neanelu.ai_models AS m ON m.provider = p_provider AND m.model = i.model AND m.is_active
              JOIN neanelu.embedding_models AS e ON e.name = i.model AND e.provider <> 'local'
             WHERE i.status IN ('pending', 'claimed') AND i.available_at <= now() + interval '2 minutes'),
           count(*) FILTER (WHERE NOT w.is_held),
           count(*) FILTER (WHERE w.is_held), min(w.next_step_at) FILTER (WHERE NOT w.is_held)
      FROM (SELECT r.next_step_at, coalesce(r.last_error LIKE 'NT002%', false) AS is_held
              FROM neanelu.ai_batch_runs AS r WHERE r.next_step_at IS NOT NULL AND r.provider = p_provider) AS w
$$;
COMMENT ON FUNCTION ai.outlook(text) IS
    'What is left to be done: pages without text, texts that go into a batch within two minutes, batches that have not ended, those that wait for a budget, and when the next '
    'step is due. Reads only. Raises: nothing';

CREATE FUNCTION ai.close_batches(p_provider text)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH closed AS (
        UPDATE neanelu.ai_batch_runs AS r SET is_open = false, next_step_at = clock_timestamp()
         WHERE r.provider = p_provider AND r.is_open AND r.next_step_at > clock_timestamp() AND r.lease_token IS NULL
        RETURNING 1
    )
    SELECT count(*)::integer FROM closed
$$;
COMMENT ON FUNCTION ai.close_batches(text) IS
    'Lets batches that wait for further requests begin at once; returns how many. Idempotent. Locks: their rows. Raises: nothing';

CREATE FUNCTION ai.extraction_report()
RETURNS TABLE (status text, error_code text, pages bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT x.status::text, x.error_code::text, count(*) FROM neanelu.ai_extractions AS x GROUP BY x.status, x.error_code ORDER BY x.status, x.error_code
$$;
COMMENT ON FUNCTION ai.extraction_report() IS 'How many pages that models read are at which stage, and why those failed that did. Reads only. Raises: nothing';

CREATE FUNCTION ai.models()
RETURNS SETOF ai_models
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ SELECT * FROM neanelu.ai_models AS m ORDER BY m.provider, m.kind, m.model $$;
COMMENT ON FUNCTION ai.models() IS 'Models that may be asked, their prices and limits. Reads only. Raises: nothing';

CREATE FUNCTION ai.purge(p_text_days integer DEFAULT 14, p_batch_days integer DEFAULT 90)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_texts   integer;
    v_batches integer;
BEGIN
    UPDATE neanelu.ai_extractions AS x SET page_text = NULL
     WHERE x.status IN ('completed', 'failed') AND x.page_text IS NOT NULL AND x.done_at < now() - make_interval(days => p_text_days);
    GET DIAGNOSTICS v_texts = ROW_COUNT;
    DELETE FROM neanelu.ai_batches AS b
     WHERE b.status IN ('completed', 'failed', 'expired', 'cancelled') AND b.updated_at < now() - make_interval(days => p_batch_days)
       AND NOT EXISTS (SELECT FROM neanelu.ai_batch_items AS i JOIN neanelu.ai_extractions AS x ON x.item_id = i.id
                        WHERE i.batch_id = b.id AND x.status IN ('requested', 'queued'));
    GET DIAGNOSTICS v_batches = ROW_COUNT;
    DELETE FROM neanelu.embedding_batches AS b
     WHERE b.status IN ('completed', 'failed', 'expired', 'cancelled') AND b.updated_at < now() - make_interval(days => p_batch_days);
    RETURN jsonb_build_object('texts', v_texts, 'batches', v_batches);
END
$$;
COMMENT ON FUNCTION ai.purge(integer, integer) IS
    'Forgets texts of pages that were read (the page itself stays) and batches that ended long ago, with their requests and answers; sessions, vectors and costs stay. Idempotent. '
    'Locks: what it forgets. Raises: nothing';

CREATE FUNCTION ai._do_purge(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$ SELECT ai.purge() $$;
COMMENT ON FUNCTION ai._do_purge(uuid, jsonb) IS 'Handler of ai.purge. Idempotent. Locks: as ai.purge. Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ai FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ai.list_batches(text[], integer, uuid), ai.batch_errors(uuid, integer), ai.models(), ai.extraction_report()
    TO neanelu_operator, neanelu_pim_editor, neanelu_ai;
GRANT EXECUTE ON FUNCTION ai.outlook(text), ai.close_batches(text) TO neanelu_ai, neanelu_operator;
GRANT EXECUTE ON FUNCTION ai.cancel_batch(uuid), ai.retry_batch(uuid) TO neanelu_operator;
GRANT EXECUTE ON FUNCTION ai.metrics() TO neanelu_operator, neanelu_ai, neanelu_worker;

COMMIT;

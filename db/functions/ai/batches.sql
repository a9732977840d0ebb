-- Deploy neanelu:functions/ai/batches to pg
-- requires: functions/ai/items
-- A batch from its first item to its last answer. A daemon asks what is to be done (ai.claim_batch), does it, and says what came of it;
-- each call is a transaction, so that a daemon that is killed loses nothing, and the next one goes on where it was.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, extensions, pg_temp;

-- One look at both tables of batches ---------------------------------------------------------------------------------

CREATE FUNCTION ai._status(p_batch_id uuid)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT b.status FROM neanelu.ai_batches AS b WHERE b.id = p_batch_id
    UNION ALL
    SELECT b.status FROM neanelu.embedding_batches AS b WHERE b.id = p_batch_id
$$;
COMMENT ON FUNCTION ai._status(uuid) IS 'Status of a batch of either kind; null when there is none. Reads only. Raises: nothing';

CREATE FUNCTION ai._mark(p_batch_id uuid, p_status text, p_error text DEFAULT NULL, p_cost numeric DEFAULT NULL, p_provider_batch_id text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.ai_batches AS b
       SET status = p_status, error_message = p_error, estimated_cost = coalesce(ceil(p_cost * 10000) / 10000, b.estimated_cost), updated_at = now(),
           provider_batch_id = coalesce(p_provider_batch_id, b.provider_batch_id),
           submitted_at = CASE WHEN p_status = 'submitted' THEN coalesce(b.submitted_at, now()) ELSE b.submitted_at END,
           completed_at = CASE WHEN p_status IN ('completed', 'failed', 'expired', 'cancelled') THEN now() END
     WHERE b.id = p_batch_id;
    UPDATE neanelu.embedding_batches AS b
       SET status = p_status, error_message = p_error, estimated_cost = coalesce(ceil(p_cost * 10000) / 10000, b.estimated_cost), updated_at = now(),
           openai_batch_id = coalesce(p_provider_batch_id, b.openai_batch_id),
           submitted_at = CASE WHEN p_status = 'submitted' THEN coalesce(b.submitted_at, now()) ELSE b.submitted_at END,
           completed_at = CASE WHEN p_status IN ('completed', 'failed', 'expired', 'cancelled') THEN now() END
     WHERE b.id = p_batch_id;
$$;
COMMENT ON FUNCTION ai._mark(uuid, text, text, numeric, text) IS
    'Puts a batch of either kind into a status, with its time, error, cost (USD, rounded up to hundredths of a cent) and id at the provider. Locks: the batch. Raises: nothing';

CREATE FUNCTION ai._held(p_batch_id uuid, p_token uuid)
RETURNS ai_batch_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_run ai_batch_runs;
BEGIN
    SELECT * INTO v_run FROM neanelu.ai_batch_runs AS r WHERE r.batch_id = p_batch_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no batch %', p_batch_id USING ERRCODE = 'NT004';
    END IF;
    IF v_run.lease_token IS DISTINCT FROM p_token OR p_token IS NULL THEN
        RAISE EXCEPTION 'the lease on batch % is lost', p_batch_id
            USING ERRCODE = 'NT003', HINT = 'Another daemon has it: drop what you hold of it.';
    END IF;
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION ai._held(uuid, uuid) IS
    'How far a batch is, for the daemon that holds it. Locks: its row. Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai._let_go(p_batch_id uuid, p_next interval, p_error text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.ai_batch_runs AS r
       SET lease_token = NULL, leased_by = NULL, lease_expires_at = NULL, next_step_at = clock_timestamp() + p_next, last_error = left(p_error, 2000),
           updated_at = now()
     WHERE r.batch_id = p_batch_id
$$;
COMMENT ON FUNCTION ai._let_go(uuid, interval, text) IS
    'Ends a lease; the next step is due after p_next, never when that is null. Locks: the batch. Raises: nothing';

-- What is to be done next --------------------------------------------------------------------------------------------

CREATE FUNCTION ai._begin(p_run ai_batch_runs, p_direct integer)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_count       integer;
    v_is_direct   boolean;
    v_cost        numeric;
    v_reservation uuid;
BEGIN
    SELECT b.request_count INTO v_count FROM neanelu.ai_batches AS b WHERE b.id = p_run.batch_id
    UNION ALL SELECT b.total_items FROM neanelu.embedding_batches AS b WHERE b.id = p_run.batch_id;
    IF v_count = 0 THEN
        PERFORM ai._mark(p_run.batch_id, 'cancelled');
        PERFORM ai._let_go(p_run.batch_id, NULL);
        RETURN NULL;
    END IF;
    v_is_direct := v_count <= p_direct;
    v_cost := ai.cost_of(p_run.provider, p_run.model, p_run.input_tokens, p_run.output_tokens_max, NOT v_is_direct);
    BEGIN
        v_reservation := ai.reserve_budget(p_run.provider, v_cost, p_run.batch_id::text);
    EXCEPTION WHEN SQLSTATE 'NT002' THEN
        PERFORM ai._let_go(p_run.batch_id, '15 minutes', 'NT002 ' || SQLERRM);
        RETURN NULL;
    END;
    UPDATE neanelu.ai_batch_runs AS r
       SET is_open = false, is_direct = v_is_direct, reservation_id = v_reservation, last_error = NULL, updated_at = now()
     WHERE r.batch_id = p_run.batch_id;
    UPDATE neanelu.ai_batch_items AS i SET status = 'submitted' WHERE i.batch_id = p_run.batch_id AND i.status = 'pending';
    PERFORM ai._mark(p_run.batch_id, 'submitting', NULL, v_cost);
    RETURN CASE WHEN v_is_direct THEN 'direct' ELSE 'submit' END;
END
$$;
COMMENT ON FUNCTION ai._begin(ai_batch_runs, integer) IS
    'Begins a batch: no further items, the most that it can cost is put aside, and it is said to be submitted before anything is sent. Returns the step, or null when the '
    'budget does not suffice; then it waits. Locks: the batch, its items, the month''s budget. Raises: NT001 the model is not known';

CREATE FUNCTION ai._next_step(p_run ai_batch_runs, p_direct integer)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_status constant text := ai._status(p_run.batch_id);
BEGIN
    RETURN CASE
        WHEN v_status = 'pending' THEN ai._begin(p_run, p_direct)
        WHEN v_status = 'submitting' AND p_run.is_direct THEN 'direct'
        -- It may have been sent: look before it is sent again.
        WHEN v_status = 'submitting' THEN 'recover'
        WHEN p_run.provider_status IN ('completed', 'expired', 'cancelled', 'failed') THEN 'take'
        WHEN p_run.is_cancelling AND p_run.provider_status IS DISTINCT FROM 'cancelling' THEN 'cancel'
        ELSE 'poll' END;
END
$$;
COMMENT ON FUNCTION ai._next_step(ai_batch_runs, integer) IS
    'What is to be done with a batch: submit, recover, direct, poll, cancel or take; null when it has to wait. Locks: as ai._begin. Raises: as ai._begin';

CREATE FUNCTION ai.claim_batch(p_provider text, p_worker text, p_lease interval DEFAULT '2 minutes', p_direct integer DEFAULT 0)
RETURNS TABLE (
    batch_id uuid, token uuid, kind text, step text, model text, endpoint text, provider_batch_id text, input_file_id text, output_file_id text,
    error_file_id text, provider_status text, attempt integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_run   ai_batch_runs;
    v_step  text;
    v_token constant uuid := gen_random_uuid();
BEGIN
    LOOP
        SELECT r.* INTO v_run
          FROM neanelu.ai_batch_runs AS r
         WHERE r.next_step_at <= clock_timestamp() AND r.provider = p_provider
           AND (r.lease_expires_at IS NULL OR r.lease_expires_at <= clock_timestamp())
         ORDER BY r.next_step_at LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        v_step := ai._next_step(v_run, p_direct);
        CONTINUE WHEN v_step IS NULL;
        IF v_step = 'take' THEN
            PERFORM ai._restart_take(v_run.batch_id);
        END IF;
        UPDATE neanelu.ai_batch_runs AS r
           SET lease_token = v_token, leased_by = left(p_worker, 100), lease_expires_at = clock_timestamp() + p_lease, updated_at = now()
         WHERE r.batch_id = v_run.batch_id;
        RETURN QUERY
        SELECT r.batch_id, v_token, CASE WHEN r.ai_batch_id IS NULL THEN 'texts' ELSE 'items' END, v_step, r.model::text, r.endpoint::text,
               coalesce(b.provider_batch_id, e.openai_batch_id)::text, r.input_file_id::text, r.output_file_id::text, r.error_file_id::text,
               r.provider_status::text, r.attempt
          FROM neanelu.ai_batch_runs AS r
          LEFT JOIN neanelu.ai_batches AS b ON b.id = r.ai_batch_id
          LEFT JOIN neanelu.embedding_batches AS e ON e.id = r.embedding_batch_id
         WHERE r.batch_id = v_run.batch_id;
        RETURN;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ai.claim_batch(text, text, interval, integer) IS
    'Gives a daemon the batch whose time has come first, for p_lease, and the step: submit (upload and create), recover (the same, but look at the provider first whether '
    'it was created), direct (ask one by one; batches of at most p_direct requests), poll, cancel, take (fetch the answers). No row: nothing to do. The lease must be '
    'longer than the longest request. Locks: the batch, without waiting. Raises: NT001 a model is not known';

CREATE FUNCTION ai.extend_batch(p_batch_id uuid, p_token uuid, p_lease interval DEFAULT '2 minutes')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    PERFORM ai._held(p_batch_id, p_token);
    UPDATE neanelu.ai_batch_runs AS r SET lease_expires_at = clock_timestamp() + p_lease WHERE r.batch_id = p_batch_id;
END
$$;
COMMENT ON FUNCTION ai.extend_batch(uuid, uuid, interval) IS
    'Keeps a batch: the lease runs anew. Also to be called right before what costs money. Locks: the batch. Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai.release_batch(p_batch_id uuid, p_token uuid, p_delay interval, p_error text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    PERFORM ai._held(p_batch_id, p_token);
    PERFORM ai._let_go(p_batch_id, p_delay, p_error);
END
$$;
COMMENT ON FUNCTION ai.release_batch(uuid, uuid, interval, text) IS
    'Gives a batch back: the same step again after a pause. Locks: the batch. Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai.batch_lines(p_batch_id uuid, p_token uuid, p_after text DEFAULT '', p_limit integer DEFAULT 1000)
RETURNS TABLE (custom_id text, body text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_run constant ai_batch_runs := ai._held(p_batch_id, p_token);
BEGIN
    IF v_run.ai_batch_id IS NULL THEN
        RETURN QUERY SELECT l.custom_id, l.body FROM ai._text_lines(p_batch_id, p_after, p_limit) AS l;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT i.custom_id::text, i.input_content
      FROM neanelu.ai_batch_items AS i
     WHERE i.batch_id = p_batch_id AND i.status = 'submitted' AND i.custom_id > coalesce(p_after, '')
     ORDER BY i.custom_id LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION ai.batch_lines(uuid, uuid, text, integer) IS
    'Requests of a batch that have no answer yet, by custom_id, behind p_after. Idempotent. Locks: the batch. Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai.record_upload(p_batch_id uuid, p_token uuid, p_file_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    PERFORM ai._held(p_batch_id, p_token);
    UPDATE neanelu.ai_batch_runs AS r SET input_file_id = p_file_id, updated_at = now() WHERE r.batch_id = p_batch_id;
    UPDATE neanelu.embedding_batches AS b SET input_file_id = p_file_id WHERE b.id = p_batch_id;
END
$$;
COMMENT ON FUNCTION ai.record_upload(uuid, uuid, text) IS
    'Notes the provider''s id of the uploaded requests, so that they are not uploaded again. Idempotent. Locks: the batch. '
    'Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai.record_submitted(p_batch_id uuid, p_token uuid, p_provider_batch_id text, p_expires_at timestamptz, p_next interval DEFAULT '15 seconds')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    PERFORM ai._held(p_batch_id, p_token);
    PERFORM ai._mark(p_batch_id, 'submitted', NULL, NULL, p_provider_batch_id);
    UPDATE neanelu.ai_batches AS b SET expires_at = p_expires_at WHERE b.id = p_batch_id;
    UPDATE neanelu.embedding_batches AS b SET expires_at = p_expires_at WHERE b.id = p_batch_id;
    UPDATE neanelu.ai_batch_runs AS r SET provider_status = 'validating', polls = 0 WHERE r.batch_id = p_batch_id;
    PERFORM ai._let_go(p_batch_id, p_next);
END
$$;
COMMENT ON FUNCTION ai.record_submitted(uuid, uuid, text, timestamptz, interval) IS
    'The provider has the batch: it is looked at after p_next. Ends the lease. Locks: the batch. Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai.record_poll(
    p_batch_id uuid, p_token uuid, p_provider jsonb, p_first interval DEFAULT '15 seconds', p_longest interval DEFAULT '10 minutes',
    p_backoff interval DEFAULT '1 minute')
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run    ai_batch_runs := ai._held(p_batch_id, p_token);
    v_status constant text := p_provider ->> 'status';
    v_error  constant jsonb := p_provider -> 'errors' -> 'data' -> 0;
BEGIN
    IF v_status IS NULL OR v_status NOT IN ('validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling', 'cancelled') THEN
        RAISE EXCEPTION 'the provider says a status that nobody knows: %', coalesce(v_status, 'none') USING ERRCODE = 'NT006';
    END IF;
    UPDATE neanelu.ai_batch_runs AS r
       SET provider_status = v_status, polls = r.polls + 1, output_file_id = p_provider ->> 'output_file_id', error_file_id = p_provider ->> 'error_file_id',
           updated_at = now()
     WHERE r.batch_id = p_batch_id
    RETURNING * INTO v_run;
    UPDATE neanelu.embedding_batches AS b SET output_file_id = v_run.output_file_id, error_file_id = v_run.error_file_id WHERE b.id = p_batch_id;
    IF v_status = 'failed' AND num_nonnulls(v_run.output_file_id, v_run.error_file_id) = 0 THEN
        PERFORM ai._fail_batch(v_run, coalesce(v_error ->> 'code', 'failed'), coalesce(v_error ->> 'message', 'the provider says no more'), p_backoff,
                         coalesce(v_error ->> 'code', '') NOT IN ('token_limit_exceeded', 'server_error', 'rate_limit_exceeded'));
        RETURN 'failed';
    ELSIF v_status IN ('completed', 'expired', 'cancelled', 'failed') THEN
        PERFORM ai._restart_take(p_batch_id);
        RETURN 'take';
    END IF;
    PERFORM ai._mark(p_batch_id, 'processing');
    PERFORM ai._let_go(p_batch_id, least(p_first * power(1.5, least(v_run.polls, 30)), p_longest));
    RETURN 'wait';
END
$$;
COMMENT ON FUNCTION ai.record_poll(uuid, uuid, jsonb, interval, interval, interval) IS
    'Notes how a batch does at the provider (its object). Returns take: the answers are there, the lease goes on; wait: look again later, with growing pauses; failed: it was not '
    'taken, its items are asked again or given up. Idempotent. Locks: the batch. '
    'Raises: NT003 the lease is lost, NT004 there is no such batch, NT006 a status that nobody knows';

-- Answers ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION ai._is_retried(p_http_status integer, p_code text)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN coalesce(p_code, '') IN ('batch_expired', 'rate_limit_exceeded', 'server_error') OR coalesce(p_http_status, 200) IN (408, 409, 425, 429)
    OR coalesce(p_http_status, 200) >= 500;
COMMENT ON FUNCTION ai._is_retried(integer, text) IS
    'Whether a request that ended so was not answered, and not paid for, and may be asked again. Pure. Raises: nothing';

CREATE FUNCTION ai._usable(p_body text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_body IS NULL OR octet_length(p_body) > 50000000 OR NOT pg_input_is_valid(p_body, 'jsonb') THEN
        RETURN NULL;
    END IF;
    RETURN p_body::jsonb;
EXCEPTION WHEN statement_too_complex OR program_limit_exceeded THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ai._usable(text) IS 'A text as JSON; null when it is none, or nested or large beyond use. Reads nothing. Raises: nothing';

CREATE FUNCTION ai._int(p_value jsonb)
RETURNS bigint
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN jsonb_typeof(p_value) = 'number' AND p_value::numeric BETWEEN 0 AND 1000000000 THEN p_value::numeric::bigint ELSE 0 END;
COMMENT ON FUNCTION ai._int(jsonb) IS 'A count out of an answer: a number from 0 to a thousand million, or 0. Pure. Raises: nothing';

CREATE FUNCTION ai.take_results(p_batch_id uuid, p_token uuid, p_custom_ids text[], p_http_statuses integer[], p_bodies text[], p_errors text[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run   ai_batch_runs := ai._held(p_batch_id, p_token);
    v_taken record;
BEGIN
    IF v_run.ai_batch_id IS NULL THEN
        RETURN ai._take_vectors(v_run, p_custom_ids, p_http_statuses, p_bodies, p_errors);
    END IF;
    -- Once an item has an answer, another one for it changes nothing: a crash may bring the same lines again.
    WITH came AS (
        SELECT DISTINCT ON (u.custom_id) u.custom_id, u.http_status, u.error, ai._usable(u.body) AS body
          FROM unnest(p_custom_ids, p_http_statuses, p_bodies, p_errors) WITH ORDINALITY AS u (custom_id, http_status, body, error, n)
         ORDER BY u.custom_id, u.error IS NOT NULL, u.n
    ), taken AS (
        UPDATE neanelu.ai_batch_items AS i
           SET status = CASE WHEN c.http_status = 200 AND c.error IS NULL THEN CASE WHEN c.body IS NULL THEN 'failed' ELSE 'completed' END
                             WHEN ai._is_retried(c.http_status, c.error) THEN 'submitted' ELSE 'failed' END,
               output_content = c.body::text,
               tokens_used = ai._int(c.body -> 'usage' -> 'prompt_tokens') + ai._int(c.body -> 'usage' -> 'completion_tokens'),
               error_message = CASE WHEN c.error IS NOT NULL OR c.http_status <> 200
                                    THEN left(format('NT106 %s %s', coalesce(c.error, 'HTTP'), coalesce(c.body -> 'error' ->> 'message', c.http_status::text)), 2000)
                                    WHEN c.body IS NULL THEN 'NT108 the answer is not JSON' END,
               processed_at = now()
          FROM came AS c
         WHERE i.batch_id = p_batch_id AND i.custom_id = c.custom_id AND i.status = 'submitted'
        RETURNING i.id, i.status, ai._int(c.body -> 'usage' -> 'prompt_tokens') AS tokens_in, ai._int(c.body -> 'usage' -> 'completion_tokens') AS tokens_out
    )
    SELECT count(*) FILTER (WHERE t.status = 'completed')::integer AS completed, count(*) FILTER (WHERE t.status = 'failed')::integer AS failed,
           coalesce(sum(t.tokens_in), 0) AS tokens_in, coalesce(sum(t.tokens_out), 0) AS tokens_out,
           array_agg(t.id ORDER BY t.id) FILTER (WHERE t.status <> 'submitted') AS items INTO v_taken
      FROM taken AS t;
    UPDATE neanelu.ai_batches AS b
       SET completed_count = b.completed_count + v_taken.completed, error_count = b.error_count + v_taken.failed,
           total_tokens = b.total_tokens + v_taken.tokens_in + v_taken.tokens_out, updated_at = now()
     WHERE b.id = p_batch_id;
    UPDATE neanelu.ai_batch_runs AS r SET tokens_in = r.tokens_in + v_taken.tokens_in, tokens_out = r.tokens_out + v_taken.tokens_out WHERE r.batch_id = p_batch_id;
    PERFORM ai._after_items(v_taken.items);
    RETURN v_taken.completed + v_taken.failed;
END
$$;
COMMENT ON FUNCTION ai.take_results(uuid, uuid, text[], integer[], text[], text[]) IS
    'Takes answers of a batch by custom_id: HTTP status, body, error code of each. What has an answer already keeps it, so lines may come again; what was not executed waits for '
    'ai.finish_batch. Extractions become sessions, vectors are stored, in the same transaction. Returns how many items have ended. Idempotent. Locks: the batch, the items. '
    'Raises: NT003 the lease is lost, NT004 there is no such batch';

CREATE FUNCTION ai._after_items(p_items uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    PERFORM ai.take_extraction(i.id)
       FROM neanelu.ai_batch_items AS i
       JOIN neanelu.ai_batches AS b ON b.id = i.batch_id
      WHERE i.id = ANY (p_items) AND b.batch_type = 'extraction' AND i.status IN ('completed', 'failed', 'cancelled');
END
$$;
COMMENT ON FUNCTION ai._after_items(uuid[]) IS 'What follows when items have ended: extractions become sessions. Locks: as ai.take_extraction. Raises: nothing of its own';

-- The end ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION ai._account(p_run ai_batch_runs, p_status text, p_error text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_cost  constant numeric := ai.cost_of(p_run.provider, p_run.model, p_run.tokens_in, p_run.tokens_out, NOT p_run.is_direct);
    v_batch record;
BEGIN
    SELECT b.shop_id, b.batch_type, b.completed_count AS done, b.submitted_at, b.created_at INTO v_batch FROM neanelu.ai_batches AS b WHERE b.id = p_run.batch_id
    UNION ALL SELECT b.shop_id, 'embedding', b.completed_items, b.submitted_at, b.created_at FROM neanelu.embedding_batches AS b WHERE b.id = p_run.batch_id;
    PERFORM ai.settle_budget(p_run.reservation_id);
    IF p_run.reservation_id IS NOT NULL THEN
        PERFORM ai.log_usage(
            p_run.provider, p_run.endpoint, v_cost, greatest(v_batch.done, 1), p_run.tokens_in, p_run.tokens_out, NULL,
            least(extract(epoch FROM clock_timestamp() - coalesce(v_batch.submitted_at, v_batch.created_at)) * 1000, 2147483647)::integer,
            p_run.batch_id::text, NULL, v_batch.shop_id, p_error,
            jsonb_build_object('batch_id', p_run.batch_id, 'model', p_run.model, 'batch_type', v_batch.batch_type, 'attempt', p_run.attempt,
                               'is_batch', NOT p_run.is_direct));
    END IF;
    PERFORM ai._mark(p_run.batch_id, p_status, p_error, v_cost);
    PERFORM ai._let_go(p_run.batch_id, NULL, p_error);
END
$$;
COMMENT ON FUNCTION ai._account(ai_batch_runs, text, text) IS
    'Ends a batch: what was put aside is given back, what it came to is recorded once. Locks: the batch, the month''s budget. Raises: NT001 the model is not known any more';

CREATE FUNCTION ai._give_up(p_items uuid[], p_status text, p_error text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    UPDATE neanelu.ai_batch_items AS i SET status = p_status, error_message = coalesce(i.error_message, p_error), processed_at = now() WHERE i.id = ANY (p_items);
    PERFORM ai._after_items(p_items);
END
$$;
COMMENT ON FUNCTION ai._give_up(uuid[], text, text) IS 'Ends items without an answer: failed or cancelled. Locks: the items. Raises: nothing of its own';

CREATE FUNCTION ai.finish_batch(p_batch_id uuid, p_token uuid, p_backoff interval DEFAULT '1 minute')
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_run    ai_batch_runs := ai._held(p_batch_id, p_token);
    v_status constant text := CASE WHEN v_run.is_direct THEN 'completed' WHEN v_run.provider_status = 'failed' THEN 'failed' ELSE v_run.provider_status END;
    v_left   uuid[];
    v_again  uuid[];
BEGIN
    IF v_status IS NULL OR v_status NOT IN ('completed', 'expired', 'cancelled', 'failed') THEN
        RAISE EXCEPTION 'batch % is not at its end: %', p_batch_id, v_status USING ERRCODE = 'NT005';
    END IF;
    IF v_run.ai_batch_id IS NULL THEN
        PERFORM ai._finish_texts(v_run, v_status, p_backoff);
    ELSE
        -- Asked again is only what the provider says was not executed. What is simply missing may have been paid for.
        SELECT array_agg(i.id ORDER BY i.id),
               array_agg(i.id ORDER BY i.id) FILTER (WHERE NOT v_run.is_cancelling AND v_run.attempt < v_run.max_attempts
                                                       AND (i.error_message IS NOT NULL OR v_status = 'expired' OR v_run.is_direct))
          INTO v_left, v_again
          FROM neanelu.ai_batch_items AS i WHERE i.batch_id = p_batch_id AND i.status = 'submitted';
        UPDATE neanelu.ai_batches AS b SET error_count = b.error_count + coalesce(cardinality(v_left), 0) WHERE b.id = p_batch_id;
        IF v_again IS NOT NULL THEN
            PERFORM ai._requeue(v_run, v_again, p_backoff * power(4, v_run.attempt - 1));
        END IF;
        PERFORM ai._give_up(ARRAY(SELECT l FROM unnest(v_left) AS l WHERE l <> ALL (coalesce(v_again, '{}'))),
                            CASE WHEN v_status = 'cancelled' OR v_run.is_cancelling THEN 'cancelled' ELSE 'failed' END, 'NT105 there is no answer');
    END IF;
    PERFORM ai._account(v_run, v_status, CASE WHEN v_status = 'failed' THEN coalesce(v_run.last_error, 'the provider failed') END);
    RETURN v_status;
END
$$;
COMMENT ON FUNCTION ai.finish_batch(uuid, uuid, interval) IS
    'Ends a batch whose answers are all taken: items that were not executed go into another batch after a pause (p_backoff, four times longer each attempt) or have failed '
    'for good, costs are recorded, once. Ends the lease. Locks: the batch, items, the month''s budget. '
    'Raises: NT003 the lease is lost, NT004 there is no such batch, NT005 the provider is not at its end';

CREATE FUNCTION ai._fail_batch(p_run ai_batch_runs, p_code text, p_message text, p_backoff interval, p_is_permanent boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
DECLARE
    v_error constant text := left(format('NT030 %s: %s', p_code, p_message), 2000);
    v_items uuid[];
BEGIN
    IF p_code = 'token_limit_exceeded' THEN
        -- As much as this waited in vain; smaller batches find room.
        UPDATE neanelu.ai_models AS m SET max_batch_tokens = greatest(least(m.max_batch_tokens, p_run.input_tokens) / 2, 20000), updated_at = now()
         WHERE m.provider = p_run.provider AND m.model = p_run.model;
    END IF;
    IF p_run.ai_batch_id IS NULL THEN
        PERFORM ai._finish_texts(p_run, 'expired', p_backoff * CASE WHEN p_is_permanent THEN 60 ELSE 1 END);
    ELSE
        SELECT array_agg(i.id ORDER BY i.id) INTO v_items FROM neanelu.ai_batch_items AS i WHERE i.batch_id = p_run.batch_id AND i.status = 'submitted';
        UPDATE neanelu.ai_batches AS b SET error_count = b.error_count + coalesce(cardinality(v_items), 0) WHERE b.id = p_run.batch_id;
        IF p_is_permanent OR p_run.is_cancelling OR p_run.attempt >= p_run.max_attempts THEN
            PERFORM ai._give_up(v_items, 'failed', v_error);
        ELSIF v_items IS NOT NULL THEN
            PERFORM ai._requeue(p_run, v_items, p_backoff * power(4, p_run.attempt - 1));
        END IF;
    END IF;
    PERFORM ai._account(p_run, 'failed', v_error);
END
$$;
COMMENT ON FUNCTION ai._fail_batch(ai_batch_runs, text, text, interval, boolean) IS
    'Ends a batch that the provider did not take: its items are asked again in another one, smaller when too many tokens waited there, or have failed. '
    'Locks: the batch, items, the model, the month''s budget. Raises: nothing of its own';

CREATE FUNCTION ai.fail_batch(p_batch_id uuid, p_token uuid, p_code text, p_message text, p_backoff interval DEFAULT '1 minute', p_is_permanent boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, ai, pg_temp
AS $$
BEGIN
    PERFORM ai._fail_batch(ai._held(p_batch_id, p_token), p_code, p_message, p_backoff, p_is_permanent);
END
$$;
COMMENT ON FUNCTION ai.fail_batch(uuid, uuid, text, text, interval, boolean) IS
    'The provider refused the batch itself: its items have failed, or are asked again when it was not permanent. Ends the lease. Locks: as ai.finish_batch. '
    'Raises: NT003 the lease is lost, NT004 there is no such batch';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ai FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ai.claim_batch(text, text, interval, integer), ai.extend_batch(uuid, uuid, interval), ai.release_batch(uuid, uuid, interval, text),
    ai.batch_lines(uuid, uuid, text, integer), ai.record_upload(uuid, uuid, text), ai.record_submitted(uuid, uuid, text, timestamptz, interval),
    ai.record_poll(uuid, uuid, jsonb, interval, interval, interval), ai.take_results(uuid, uuid, text[], integer[], text[], text[]),
    ai.finish_batch(uuid, uuid, interval), ai.fail_batch(uuid, uuid, text, text, interval, boolean)
    TO neanelu_ai;

COMMIT;

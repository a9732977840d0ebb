-- Deploy neanelu:functions/pim/process to pg
-- requires: policies/factory
-- requires: functions/harvest/extract
-- requires: functions/matching/sessions
-- requires: functions/pim/proposals
-- requires: functions/pim/quality
-- requires: functions/pim/semantics
-- requires: functions/jobs/schedule
-- The factory's line. First half: documents are read, and readings get their golden record. Second half: what readings say is
-- proposed for golden records, which are decided, scored and described.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, pim, extensions, pg_temp;

-- What comes in ------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim.tg_prod_extraction_sessions__queue() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    INSERT INTO neanelu.factory_sessions (session_id)
    SELECT m.id FROM made AS m WHERE m.error_message IS NULL ORDER BY m.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pim.tg_prod_extraction_sessions__queue() IS
    'Puts readings that went well into the factory''s queue, whoever made them. Locks: none of others.';

GRANT EXECUTE ON FUNCTION pim.tg_prod_extraction_sessions__queue() TO neanelu_owner;
SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER tg_prod_extraction_sessions__queue AFTER INSERT ON neanelu.prod_extraction_sessions
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION pim.tg_prod_extraction_sessions__queue();
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim.request_decisions(p_product_ids uuid[]) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH asked AS (
        INSERT INTO neanelu.factory_products (product_id)
        SELECT m.id FROM neanelu.prod_master AS m WHERE m.id = ANY (p_product_ids) ORDER BY m.id
        RETURNING 1)
    SELECT count(*)::integer FROM asked
$$;
COMMENT ON FUNCTION pim.request_decisions(uuid[]) IS
    'Asks that golden records be decided, scored and described anew, for there is news about them; returns how many there are. Again is no harm. '
    'Locks: none of others. Raises: nothing';

CREATE FUNCTION pim.request_readings(p_session_ids uuid[]) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH again AS (
        INSERT INTO neanelu.factory_sessions (session_id, product_id)
        SELECT DISTINCT ON (e.id) e.id, l.product_id
          FROM neanelu.prod_extraction_sessions AS e LEFT JOIN neanelu.prod_match_links AS l ON l.session_id = e.id
         WHERE e.id = ANY (p_session_ids) AND e.error_message IS NULL ORDER BY e.id, l.product_id
        ON CONFLICT (session_id) DO NOTHING
        RETURNING product_id
    ), asked AS (
        INSERT INTO neanelu.factory_products (product_id) SELECT DISTINCT a.product_id FROM again AS a WHERE a.product_id IS NOT NULL ORDER BY 1)
    SELECT count(*)::integer FROM again
$$;
COMMENT ON FUNCTION pim.request_readings(uuid[]) IS
    'Asks that readings be proposed again, for their names mean something else by now; returns how many did not wait already. Again is no harm. '
    'Locks: none of others. Raises: nothing';

-- Sums ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._add_counts(p_one jsonb, p_other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(s.key, s.total), '{}')
      FROM (SELECT e.key, sum(e.value::numeric) AS total
              FROM (SELECT * FROM jsonb_each_text(p_one) UNION ALL SELECT * FROM jsonb_each_text(p_other)) AS e
             GROUP BY e.key) AS s
$$;
COMMENT ON FUNCTION pim._add_counts(jsonb, jsonb) IS 'The sums of the numbers of two flat objects, by key. Pure. Takes no locks. Raises: nothing';

-- First half ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._take_in(p_sessions uuid[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_counts jsonb;
BEGIN
    WITH found AS MATERIALIZED (
        SELECT m.session_id, m.product_id, m.decision FROM matching.match_sessions(p_sessions) AS m
    ), noted AS (
        UPDATE neanelu.factory_sessions AS f SET product_id = m.product_id FROM found AS m WHERE f.session_id = m.session_id
    ), asked AS (
        INSERT INTO neanelu.factory_products (product_id) SELECT DISTINCT m.product_id FROM found AS m ORDER BY 1
    ), nameless AS (
        DELETE FROM neanelu.factory_sessions AS f
         WHERE f.session_id = ANY (p_sessions) AND NOT EXISTS (SELECT FROM found AS m WHERE m.session_id = f.session_id)
    )
    SELECT jsonb_build_object('matched', count(*) FILTER (WHERE m.decision = 'matched'), 'created', count(*) FILTER (WHERE m.decision = 'created'),
                              'review', count(*) FILTER (WHERE m.decision = 'review'), 'sessions', cardinality(p_sessions)) INTO v_counts
      FROM found AS m;
    RETURN v_counts;
END
$$;
COMMENT ON FUNCTION pim._take_in(uuid[]) IS
    'Gives readings their golden records, which have news by that; readings that name no product leave the queue. Returns counts. Idempotent. '
    'Locks and raises: as matching.match_sessions';

CREATE FUNCTION pim._take_in_safely(p_sessions uuid[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_half    constant integer := cardinality(p_sessions) / 2;
    v_code    text;
    v_message text;
BEGIN
    RETURN pim._take_in(p_sessions);
EXCEPTION
    -- Some content is at fault, and will be the next time: the others go on without it. All else is raised, and tried again.
    WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
        IF v_half > 0 THEN
            RETURN pim._add_counts(pim._take_in_safely(p_sessions[:v_half]), pim._take_in_safely(p_sessions[v_half + 1:]));
        END IF;
        UPDATE neanelu.factory_sessions AS f SET failed_at = clock_timestamp(), error_code = v_code, error_message = left(v_message, 2000)
         WHERE f.session_id = ANY (p_sessions);
        RETURN '{"sessions": 1, "failed": 1}'::jsonb;
END
$$;
COMMENT ON FUNCTION pim._take_in_safely(uuid[]) IS
    'pim._take_in; where the content of a reading is at fault, the batch is halved until it is alone, and left in the queue with the reason. '
    'Idempotent. Locks: as pim._take_in. Raises: what a second attempt may overcome';

CREATE FUNCTION pim._process_sessions(p_limit integer) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, harvest, pg_temp
AS $$
DECLARE
    v_sessions uuid[];
    v_counts   jsonb;
BEGIN
    v_counts := jsonb_build_object('read', coalesce(cardinality(harvest.extract_structured(p_limit)), 0));
    -- Two readings of one product must not both find that there is no record of it: one at a time from here to the commit.
    PERFORM pg_advisory_xact_lock(hashtextextended('pim.process', 0));
    SELECT array_agg(t.session_id ORDER BY t.session_id) INTO v_sessions
      FROM (SELECT f.session_id FROM neanelu.factory_sessions AS f
             WHERE f.failed_at IS NULL AND f.product_id IS NULL ORDER BY f.session_id LIMIT p_limit FOR UPDATE SKIP LOCKED) AS t;
    IF v_sessions IS NOT NULL THEN
        v_counts := v_counts || pim._take_in_safely(v_sessions);
    END IF;
    RETURN v_counts;
END
$$;
COMMENT ON FUNCTION pim._process_sessions(integer) IS
    'The first half of pim.process: reads documents, then gives waiting readings their golden records. Idempotent. Locks: documents (SKIP LOCKED), an advisory lock of the '
    'factory until the commit, readings. Raises: as pim._take_in_safely';

-- Second half --------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._propose_waiting(p_products uuid[]) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_waiting  uuid[];
    v_sessions uuid[];
    v_products uuid[];
BEGIN
    WITH taken AS (
        DELETE FROM neanelu.factory_sessions AS f WHERE f.product_id = ANY (p_products) AND f.failed_at IS NULL RETURNING f.session_id)
    SELECT array_agg(t.session_id ORDER BY t.session_id) INTO v_waiting FROM taken AS t;
    IF v_waiting IS NULL THEN
        RETURN 0;
    END IF;
    -- A record may have been merged since: what its readings belong to now, matching knows.
    SELECT array_agg(m.session_id ORDER BY m.session_id), array_agg(m.product_id ORDER BY m.session_id) INTO v_sessions, v_products
      FROM matching.find_links(v_waiting) AS m;
    PERFORM pim.request_decisions(ARRAY(SELECT DISTINCT p FROM unnest(v_products) AS p WHERE p <> ALL (p_products)));
    RETURN pim.propose(v_sessions, v_products);
END
$$;
COMMENT ON FUNCTION pim._propose_waiting(uuid[]) IS
    'Proposes what the matched readings of golden records say, and takes them out of the queue; returns how many proposals that made. Idempotent. '
    'Locks and raises: as pim.propose';

CREATE FUNCTION pim._finish(p_products uuid[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_half    constant integer := cardinality(p_products) / 2;
    v_counts  jsonb;
    v_code    text;
    v_message text;
BEGIN
    v_counts := jsonb_build_object('products', cardinality(p_products), 'proposed', pim._propose_waiting(p_products));
    v_counts := v_counts || jsonb_build_object('versions', pim.decide(p_products));
    PERFORM pim.score(p_products);
    PERFORM pim.refresh_semantics(p_products);
    RETURN v_counts;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
        IF v_half > 0 THEN
            RETURN pim._add_counts(pim._finish(p_products[:v_half]), pim._finish(p_products[v_half + 1:]));
        END IF;
        INSERT INTO neanelu.factory_products (product_id, failed_at, error_code, error_message)
        SELECT p, clock_timestamp(), v_code, left(v_message, 2000) FROM unnest(p_products) AS p;
        RETURN '{"products": 1, "failed": 1}'::jsonb;
END
$$;
COMMENT ON FUNCTION pim._finish(uuid[]) IS
    'Proposes what readings say of golden records, decides, scores and describes these; those with which that cannot be done are found by halving and set '
    'aside with the reason. Idempotent. Locks: as pim.propose, pim.decide, pim.score and pim.refresh_semantics. Raises: what a second attempt may overcome';

CREATE FUNCTION pim._process_products(p_limit integer) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_products uuid[];
BEGIN
    -- A record that waits in several rows is taken whole, and by one caller: who cannot have it at once goes on to the next.
    WITH due AS MATERIALIZED (
        SELECT d.product_id, min(d.place) AS place
          FROM (SELECT w.product_id, row_number() OVER (ORDER BY w.id) AS place
                  FROM neanelu.factory_products AS w WHERE w.failed_at IS NULL ORDER BY w.id LIMIT 10 * p_limit) AS d
         GROUP BY d.product_id ORDER BY 2
    ), mine AS MATERIALIZED (
        SELECT d.product_id FROM due AS d
         WHERE pg_try_advisory_xact_lock(hashtextextended('pim.process ' || d.product_id, 0)) LIMIT p_limit
    ), taken AS (
        DELETE FROM neanelu.factory_products AS f USING mine AS m WHERE f.product_id = m.product_id AND f.failed_at IS NULL
        RETURNING f.product_id
    )
    SELECT array_agg(DISTINCT t.product_id ORDER BY t.product_id) INTO v_products FROM taken AS t;
    RETURN CASE WHEN v_products IS NULL THEN '{}'::jsonb ELSE pim._finish(v_products) END;
END
$$;
COMMENT ON FUNCTION pim._process_products(integer) IS
    'The second half of pim.process: takes golden records about which there is news out of the queue and finishes them. Idempotent. '
    'Locks: an advisory one for each record until the commit (those that others have are skipped), rows of the queue, then as pim._finish. '
    'Raises: as pim._finish';

-- Both ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim.is_waiting() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM neanelu.factory_products AS f WHERE f.failed_at IS NULL)
        OR EXISTS (SELECT FROM neanelu.factory_sessions AS f WHERE f.failed_at IS NULL AND f.product_id IS NULL)
        OR EXISTS (SELECT FROM neanelu.prod_raw_harvest AS h WHERE h.processing_status = 'pending')
$$;
COMMENT ON FUNCTION pim.is_waiting() IS 'Is there anything that pim.process would take? Takes no locks. Raises: nothing';

CREATE FUNCTION pim._backlog(p_least integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT count(*) >= p_least FROM (SELECT FROM neanelu.factory_products AS f WHERE f.failed_at IS NULL LIMIT p_least) AS w
$$;
COMMENT ON FUNCTION pim._backlog(integer) IS 'Do so many golden records wait, or more? Takes no locks. Raises: nothing';

CREATE FUNCTION pim.process(p_limit integer DEFAULT 500) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_limit  constant integer := greatest(p_limit, 1);
    v_counts jsonb := '{}'::jsonb;
BEGIN
    -- Readings first: several of them may be news about one record, which is then decided once. But not for ever, and who
    -- would have to wait for another that takes readings in finishes records meanwhile.
    IF NOT pim._backlog(8 * v_limit) AND (pg_try_advisory_xact_lock(hashtextextended('pim.process', 0)) OR NOT pim._backlog(1)) THEN
        v_counts := pim._process_sessions(v_limit);
    END IF;
    IF NOT v_counts ? 'sessions' THEN
        v_counts := v_counts || pim._process_products(v_limit);
    END IF;
    RETURN '{"read": 0, "sessions": 0, "products": 0}'::jsonb || v_counts;
END
$$;
COMMENT ON FUNCTION pim.process(integer) IS
    'One batch of the factory in one transaction, of up to p_limit: pending documents with structured data are read and waiting readings, those of models '
    'too, get their golden records; or, when none wait, when many records wait, or while somebody else does that, golden records with news get proposals '
    'and are decided, scored and described. Returns counts; sessions and products are 0 when nothing waited. Idempotent; call it until then, from as many sessions as '
    'there are cores. Locks: rows of the queues (those that others have are skipped), an advisory lock of the factory for the first half, golden records '
    'for the second. Raises: nothing of its own; what cannot be taken in is set aside with the reason (pim.retry_failed)';

CREATE FUNCTION pim.retry_failed(p_limit integer DEFAULT 1000) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH sessions AS (
        UPDATE neanelu.factory_sessions AS f SET failed_at = NULL, error_code = NULL, error_message = NULL
         WHERE f.session_id IN (SELECT w.session_id FROM neanelu.factory_sessions AS w WHERE w.failed_at IS NOT NULL
                                 ORDER BY w.failed_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING 1
    ), products AS (
        UPDATE neanelu.factory_products AS f SET failed_at = NULL, error_code = NULL, error_message = NULL
         WHERE f.id IN (SELECT w.id FROM neanelu.factory_products AS w WHERE w.failed_at IS NOT NULL
                         ORDER BY w.failed_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT ((SELECT count(*) FROM sessions) + (SELECT count(*) FROM products))::integer
$$;
COMMENT ON FUNCTION pim.retry_failed(integer) IS
    'Lets what was set aside be tried again, the oldest first; returns how many. Idempotent. Locks: their rows. Raises: nothing';

CREATE FUNCTION pim._do_process(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, jobs, pg_temp
AS $$
DECLARE
    v_counts constant jsonb := pim.process(coalesce((p_payload ->> 'limit')::integer, 500));
BEGIN
    IF pim.is_waiting() THEN
        PERFORM jobs.enqueue('maintenance', 'pim.process', p_shop_id, p_payload, p_dedupe_key => 'pim.process');
    END IF;
    RETURN v_counts;
END
$$;
COMMENT ON FUNCTION pim._do_process(uuid, jsonb) IS
    'Handler of pim.process: one batch of {"limit"}, and another job while something waits. Idempotent. Locks: as pim.process. Raises: nothing of its own';

REVOKE EXECUTE ON FUNCTION
    pim.tg_prod_extraction_sessions__queue(), pim.request_decisions(uuid[]), pim.request_readings(uuid[]), pim._add_counts(jsonb, jsonb), pim._take_in(uuid[]),
    pim._take_in_safely(uuid[]), pim._process_sessions(integer), pim._propose_waiting(uuid[]), pim._finish(uuid[]), pim._process_products(integer), pim.is_waiting(),
    pim._backlog(integer), pim.process(integer), pim.retry_failed(integer), pim._do_process(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pim.process(integer), pim.is_waiting() TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.request_decisions(uuid[]), pim.request_readings(uuid[]) TO neanelu_worker, neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION pim.retry_failed(integer) TO neanelu_operator;

SELECT jobs.register_handler('pim.process', 'maintenance', 'database', 'pim._do_process(uuid, jsonb)', 8, '10 minutes', '10 seconds');
SELECT jobs.schedule('pim.process', '* * * * *', 'maintenance', 'pim.process', '{"limit": 500}', p_missed => 'skip');

COMMIT;

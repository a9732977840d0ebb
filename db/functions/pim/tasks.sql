-- Deploy neanelu:functions/pim/tasks to pg
-- requires: functions/pim/proposals
-- requires: functions/pim/trust
-- requires: functions/jobs/schedule
-- When challenges lapse and trust is learnt.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._do_expire(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('lapsed', pim.expire_proposals(coalesce((p_payload ->> 'limit')::integer, 100000)))
$$;
COMMENT ON FUNCTION pim._do_expire(uuid, jsonb) IS
    'Handler of pim.expire: pim.expire_proposals. Idempotent. Locks: as that. Raises: nothing';

CREATE FUNCTION pim._do_learn_trust(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('changed', pim.learn_trust())
$$;
COMMENT ON FUNCTION pim._do_learn_trust(uuid, jsonb) IS
    'Handler of pim.learn_trust: the function of that name. Idempotent. Locks: as that. Raises: nothing';

SELECT jobs.register_handler('pim.expire', 'maintenance', 'database', 'pim._do_expire(uuid, jsonb)', 3, '10 minutes', '1 minute');
SELECT jobs.register_handler('pim.learn_trust', 'maintenance', 'database', 'pim._do_learn_trust(uuid, jsonb)', 3, '30 minutes', '1 minute');

SELECT jobs.schedule('pim.expire', '10 4 * * *', 'maintenance', 'pim.expire');
SELECT jobs.schedule('pim.learn_trust', '30 4 * * *', 'maintenance', 'pim.learn_trust');

COMMIT;

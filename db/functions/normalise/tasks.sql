-- Deploy neanelu:functions/normalise/tasks to pg
-- requires: functions/normalise/map
-- requires: functions/jobs/schedule
-- What values of attributes look like is learnt again every night.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise._do_learn(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, normalise, pg_temp
AS $$
    SELECT jsonb_build_object('profiles', normalise.learn_profiles())
$$;
COMMENT ON FUNCTION normalise._do_learn(uuid, jsonb) IS
    'Handler of normalise.learn: normalise.learn_profiles. Idempotent. Locks: none of its own. Raises: nothing of its own';

SELECT jobs.register_handler('normalise.learn', 'maintenance', 'database', 'normalise._do_learn(uuid, jsonb)', 3, '10 minutes', '1 minute');
SELECT jobs.schedule('normalise.learn', '40 2 * * *', 'maintenance', 'normalise.learn');

COMMIT;

-- Verify neanelu:functions/webhooks/confirm on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.may THEN ' not' END, f.name), '; ') INTO v_bad
      FROM (VALUES ('webhooks.question(uuid, uuid, timestamptz)'), ('webhooks.answer(uuid, uuid, timestamptz, boolean)')) AS f (name)
     CROSS JOIN LATERAL (SELECT x.rolname, x.rolname = 'neanelu_worker' AS may
                           FROM pg_catalog.pg_roles AS x
                          WHERE x.rolname LIKE 'neanelu\_%' AND x.rolname NOT IN ('neanelu_owner', 'neanelu_engine')) AS r
     WHERE has_function_privilege(r.rolname, f.name, 'EXECUTE') <> r.may;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on functions of webhooks: %', v_bad;
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.job_handlers AS h WHERE h.job_name = 'webhook.confirm' AND h.runs_in = 'daemon') THEN
        RAISE EXCEPTION 'webhook.confirm has no handler';
    END IF;
END
$verify$;

ROLLBACK;

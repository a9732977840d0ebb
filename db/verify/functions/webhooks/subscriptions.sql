-- Verify neanelu:functions/webhooks/subscriptions on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    PERFORM 'webhooks._wanted(uuid)'::regprocedure, 'webhooks.sweep_subscriptions(uuid, jsonb)'::regprocedure;
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.may THEN ' not' END, f.name), '; ') INTO v_bad
      FROM (VALUES ('webhooks.plan_subscriptions(uuid, text, jsonb)', '{neanelu_worker}'::name[]),
                   ('webhooks.record_subscriptions(uuid, text, jsonb)', '{neanelu_worker}'),
                   ('webhooks._wanted(uuid)', '{}'),
                   ('webhooks.sweep_subscriptions(uuid, jsonb)', '{}')) AS f (name, logins)
     CROSS JOIN LATERAL (SELECT x.rolname, x.rolname = ANY (f.logins) AS may
                           FROM pg_catalog.pg_roles AS x
                          WHERE x.rolname LIKE 'neanelu\_%' AND x.rolname NOT IN ('neanelu_owner', 'neanelu_engine')) AS r
     WHERE has_function_privilege(r.rolname, f.name, 'EXECUTE') <> r.may;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on functions of webhooks: %', v_bad;
    END IF;
    IF (SELECT count(*) FROM neanelu.job_handlers AS h WHERE h.job_name IN ('webhooks.subscriptions', 'webhooks.sweep_subscriptions')) <> 2 THEN
        RAISE EXCEPTION 'handlers of subscriptions are not registered';
    END IF;
END
$verify$;

ROLLBACK;

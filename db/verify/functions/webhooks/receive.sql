-- Verify neanelu:functions/webhooks/receive on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    PERFORM 'webhooks._take(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[])'::regprocedure,
            'webhooks._retake(uuid, text, text, text, timestamptz, text, bytea, jsonb, uuid)'::regprocedure,
            'webhooks._refuse(text, bytea, text, text, text, text, text)'::regprocedure,
            'webhooks._has_shape(text, boolean, jsonb)'::regprocedure,
            'webhooks._names_another_shop(text, jsonb, text, bigint)'::regprocedure;

    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.may THEN ' not' END, f.name), '; ') INTO v_bad
      FROM (VALUES ('webhooks.topics()', '{neanelu_webhooks,neanelu_worker,neanelu_operator}'::name[]),
                   ('webhooks.receive_many(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[])', '{neanelu_webhooks}'),
                   ('webhooks.receive(text, text, text, text, text, timestamptz, bytea, jsonb, boolean)', '{neanelu_webhooks}'),
                   ('webhooks.quarantine(text, text, text, bytea, text, text)', '{neanelu_webhooks}'),
                   ('webhooks.own_secrets()', '{neanelu_webhooks}'),
                   ('webhooks.prune(uuid, jsonb)', '{}')) AS f (name, logins)
     CROSS JOIN LATERAL (SELECT x.rolname, x.rolname = ANY (f.logins) AS may
                           FROM pg_catalog.pg_roles AS x
                          WHERE x.rolname LIKE 'neanelu\_%' AND x.rolname NOT IN ('neanelu_owner', 'neanelu_engine')) AS r
     WHERE has_function_privilege(r.rolname, f.name, 'EXECUTE') <> r.may;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on functions of webhooks: %', v_bad;
    END IF;
    IF (SELECT count(*) <> 38 OR count(DISTINCT t.topic) <> 38 FROM webhooks.topics() AS t) THEN
        RAISE EXCEPTION 'webhooks.topics() has not its 38 topics';
    END IF;
END
$verify$;

ROLLBACK;

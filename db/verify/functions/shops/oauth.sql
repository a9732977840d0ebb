-- Verify neanelu:functions/shops/oauth on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = ANY (f.roles) THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES
            ('shops.begin_oauth(text, text, text, text, interval)', '{neanelu_webhooks,neanelu_app}'::text[]),
            ('shops.take_oauth_state(text, text, text)', '{neanelu_webhooks,neanelu_app}'),
            ('shops.complete_oauth(uuid, text, bytea, bytea, bytea, integer, text[], bytea, interval, interval, text, text, text, text, bigint)',
             '{neanelu_webhooks,neanelu_app}'),
            ('shops.sweep_tokens(uuid, jsonb)', '{neanelu_worker,neanelu_operator}'),
            ('shops.sweep_sign_ins(uuid, jsonb)', '{neanelu_worker,neanelu_operator}')) AS f (signature, roles)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = ANY (f.roles));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on sign-in: %', v_bad;
    END IF;
    IF shops.supported_api_version() ~ '^[0-9]{4}-(01|04|07|10)$' IS NOT TRUE THEN
        RAISE EXCEPTION 'there is no supported API version';
    END IF;
    IF (SELECT count(*) FROM neanelu.job_handlers AS h WHERE h.job_name IN ('token.refresh', 'token.sweep', 'sign_in.sweep')) <> 3 THEN
        RAISE EXCEPTION 'a chore of shops has no handler';
    END IF;
END
$verify$;

ROLLBACK;

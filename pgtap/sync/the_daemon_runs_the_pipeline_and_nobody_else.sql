-- Who may execute what: by the catalogue, and by trying as the logins themselves.
BEGIN;
SELECT plan(14);

CREATE TEMP VIEW granted AS
SELECT p.oid::regprocedure AS signature, p.proname, coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') AS grantee, a.is_grantable
  FROM pg_proc AS p
 CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
 WHERE p.pronamespace = 'sync'::regnamespace AND a.grantee <> p.proowner;

SELECT is_empty($$ SELECT * FROM pg_temp.granted WHERE proname LIKE '\_%'
                   AND (proname, grantee::text) NOT IN (('_lay_bare', 'neanelu_engine'), ('_dress', 'neanelu_engine'), ('_inner_references', 'neanelu_engine')) $$,
    'private functions are nobody''s, but the engine, who cannot log in, calls the owner''s in a first load');
SELECT is_empty($$ SELECT * FROM pg_temp.granted WHERE is_grantable $$, 'nobody may pass a function on');
SELECT is_empty($$ SELECT * FROM pg_temp.granted WHERE proname NOT LIKE 'tg\_%' AND proname NOT LIKE '\_%' AND grantee NOT IN ('neanelu_sync', 'neanelu_operator')
                   AND (proname, grantee::text) NOT IN (('signal_operation', 'neanelu_webhooks'), ('purge_runs', 'neanelu_worker'), ('staleness', 'neanelu_worker')) $$,
    'functions are called by the sync daemon and by operators; the receiver of webhooks may signal, the worker tidy up and measure');
SELECT is_empty($$
  SELECT * FROM pg_temp.granted
   WHERE grantee = 'neanelu_operator'
     AND proname IN ('claim_run', 'renew_lease', 'release_run', 'reserve_operation', 'record_operation', 'record_poll', 'record_artifact',
                     'fail_run', 'open_load', 'close_load', 'begin_stage', 'stage_table', 'end_stage', 'merge', 'begin_merge', 'merge_piece', 'end_merge',
                     'sweep_staging', 'quarantine')
$$, 'operators ask for, watch and end runs, and do not run them');
SELECT set_eq(
    $$ SELECT proname FROM pg_temp.granted WHERE grantee = 'neanelu_operator' AND proname IN ('request_run', 'cancel_run', 'retry_run', 'resources') $$,
    ARRAY['request_run', 'cancel_run', 'retry_run', 'resources'], 'which they may');
SELECT is_empty($$
  SELECT r.rolname, p.oid::regprocedure
    FROM pg_roles AS r, pg_proc AS p
   WHERE r.rolname IN ('neanelu_tenant', 'neanelu_app', 'neanelu_webhooks', 'neanelu_worker', 'neanelu_analyst', 'neanelu_pim_editor',
                       'neanelu_auditor', 'neanelu_platform')
     AND p.pronamespace = 'sync'::regnamespace AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')
     AND (p.proname, r.rolname) NOT IN (('signal_operation', 'neanelu_webhooks'), ('purge_runs', 'neanelu_worker'), ('staleness', 'neanelu_worker'))
$$, 'tenants, analysts, auditors and the other services may call none of them');

-- What a statement ends with when a login sends it: its SQLSTATE, or 00000.
CREATE FUNCTION pg_temp.as_login(p_login name, p_statement text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', p_login);
    EXECUTE p_statement;
    SET LOCAL SESSION AUTHORIZATION DEFAULT;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$f$;

SELECT is(pg_temp.as_login(login, statement), code, format('%s: %s', login, statement))
  FROM (VALUES
    ('neanelu_sync',     'SELECT * FROM sync.claim_run(''w'')',                               '00000'),
    ('neanelu_sync',     'SELECT sync.begin_stage(gen_random_uuid(), gen_random_uuid())',      'NS004'),
    ('neanelu_sync',     'SELECT sync._setting(''x'', 1)',                                     '42501'),
    ('neanelu_operator', 'SELECT * FROM sync.resources()',                                     '00000'),
    ('neanelu_operator', 'SELECT * FROM sync.merge(gen_random_uuid(), gen_random_uuid())',     '42501'),
    ('neanelu_app',      'SELECT sync.request_run(gen_random_uuid(), ''products'')',           '42501'),
    ('neanelu_worker',   'SELECT sync.sweep_staging()',                                        '42501'),
    ('neanelu_analyst',  'SELECT * FROM sync.resources()',                                     '42501')) AS t (login, statement, code);

SELECT * FROM finish();
ROLLBACK;

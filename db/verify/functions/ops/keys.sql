-- Verify neanelu:functions/ops/keys on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = 'neanelu_operator' THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES ('ops.key_usage()'), ('ops.begin_key_rotation(integer)'), ('ops.sealed_batch(uuid, integer, text, text)'),
                   ('ops.reseal(uuid, text[], uuid[], text[], bytea[], bytea[])'), ('ops.finish_key_rotation(uuid)'),
                   ('ops.abandon_key_rotation(text)')) AS f (signature)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = 'neanelu_operator');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on key rotation: %', v_bad;
    END IF;
    IF (SELECT count(*) FROM pg_catalog.pg_trigger AS t
         WHERE t.tgname IN ('tg_shops__key_version', 'tg_shop_tokens__key_version', 'tg_system_config__key_version') AND t.tgenabled = 'O') <> 3 THEN
        RAISE EXCEPTION 'a table with sealed values has no guard of key versions';
    END IF;
END
$verify$;

ROLLBACK;

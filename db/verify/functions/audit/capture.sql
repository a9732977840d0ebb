-- Verify neanelu:functions/audit/capture on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name || ' ' || e.event, ', ') INTO v_bad
      FROM (VALUES ('shops', 'insert'), ('shops', 'update'), ('shops', 'delete'),
                   ('staff_users', 'insert'), ('staff_users', 'update'), ('staff_users', 'delete'),
                   ('key_rotations', 'insert'), ('key_rotations', 'update'), ('key_rotations', 'delete'),
                   ('shopify_products', 'update'), ('shopify_products', 'delete'),
                   ('system_config', 'insert'), ('system_config', 'update'), ('system_config', 'delete'),
                   ('feature_flags', 'insert'), ('feature_flags', 'update'), ('feature_flags', 'delete')) AS e (name, event)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
                         JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
                        WHERE t.tgrelid = ('neanelu.' || e.name)::regclass AND t.tgenabled <> 'D'
                          AND t.tgname = format('tg_%s__capture_%s', e.name, e.event)
                          AND p.prosecdef AND p.proowner = 'neanelu_engine'::regrole);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not captured: %', v_bad;
    END IF;

    SELECT string_agg(format('%s: %s', s.table_name, s.problem), ', ') INTO v_bad FROM audit.stale_captures() AS s;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'stale captures: %', v_bad;
    END IF;

    IF (SELECT count(*) FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.audit_logs'::regclass AND t.tgfoid = 'audit.tg_audit_logs__refuse()'::regprocedure) <> 2 THEN
        RAISE EXCEPTION 'the audit log is not append only';
    END IF;

    IF has_function_privilege('neanelu_sync', 'audit.attach(regclass, text[], text[], text)', 'EXECUTE')
       OR has_table_privilege('neanelu_engine', 'neanelu.audit_logs', 'UPDATE, DELETE, TRUNCATE') THEN
        RAISE EXCEPTION 'the audit can be tampered with';
    END IF;
END
$verify$;

ROLLBACK;

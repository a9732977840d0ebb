-- Revert neanelu:functions/audit/capture from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DO $partitions$
DECLARE
    v_name regclass;
BEGIN
    FOR v_name IN SELECT t.tgrelid FROM pg_catalog.pg_trigger AS t WHERE t.tgname = 'tg_audit_logs__refuse_truncate' LOOP
        EXECUTE format('DROP TRIGGER tg_audit_logs__refuse_truncate ON %s', v_name);
    END LOOP;
END
$partitions$;
DROP TRIGGER tg_audit_logs__refuse ON neanelu.audit_logs;

DO $detach$
DECLARE
    v_trigger record;
BEGIN
    FOR v_trigger IN
        SELECT t.tgname, t.tgrelid::regclass AS table_name
          FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
         WHERE p.pronamespace = 'audit'::regnamespace AND NOT t.tgisinternal AND t.tgparentid = 0
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.tgname, v_trigger.table_name);
    END LOOP;
END
$detach$;
REVOKE TRIGGER ON neanelu.shops, neanelu.staff_users, neanelu.key_rotations, neanelu.shopify_products, neanelu.system_config,
    neanelu.feature_flags FROM neanelu_engine;
REVOKE INSERT ON neanelu.audit_logs FROM neanelu_engine;

SET LOCAL ROLE neanelu_engine;
DO $functions$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN SELECT p.oid FROM pg_catalog.pg_proc AS p
                       WHERE p.pronamespace = 'audit'::regnamespace AND p.proname LIKE 'tg\_%\_\_capture\_%' LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$functions$;
DROP FUNCTION audit.tg_audit_logs__refuse();
DROP FUNCTION audit.stale_captures();
DROP FUNCTION audit.attach(regclass, text[], text[], text);
DROP FUNCTION audit._capture_statement(regclass, text, text, text[]);
DROP FUNCTION audit._sides(regclass, text, text[]);
DROP FUNCTION audit._parts(regclass, text[]);
DROP FUNCTION audit._pairs(regclass, text, text, text[]);
DROP FUNCTION audit._logged_columns(regclass, text, text[]);
DROP FUNCTION audit._is_distinct(name, oid, integer);
DROP FUNCTION audit._columns_digest(regclass);
DROP FUNCTION audit._actor_type();

COMMIT;

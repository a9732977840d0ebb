-- Verify neanelu:policies/tokens on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    IF NOT (SELECT c.relrowsecurity AND c.relforcerowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = 'neanelu.shop_tokens'::regclass) THEN
        RAISE EXCEPTION 'no forced row level security on neanelu.shop_tokens';
    END IF;
    SELECT string_agg(r.rolname, ', ') INTO v_bad
      FROM pg_catalog.pg_roles AS r
     WHERE r.rolname LIKE 'neanelu\_%' AND r.rolname NOT IN ('neanelu_owner', 'neanelu_engine')
       AND has_any_column_privilege(r.rolname, 'neanelu.shop_tokens', 'SELECT, INSERT, UPDATE');
    IF v_bad IS NOT NULL OR NOT has_table_privilege('neanelu_engine', 'neanelu.shop_tokens', 'UPDATE') THEN
        RAISE EXCEPTION 'refresh tokens are not the engine''s alone: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;

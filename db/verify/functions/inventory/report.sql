-- Verify neanelu:functions/inventory/report on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES ('inventory.find_variants(uuid, text)'), ('inventory.show(uuid, uuid)'), ('inventory.history(uuid, uuid, text, integer)')) AS f (signature)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR NOT p.prosecdef OR p.provolatile <> 's' OR p.proowner <> 'neanelu_engine'::regrole
        OR NOT has_function_privilege('neanelu_tenant', p.oid, 'EXECUTE') OR NOT has_function_privilege('neanelu_operator', p.oid, 'EXECUTE')
        OR has_function_privilege('neanelu_analyst', p.oid, 'EXECUTE');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not as they should be: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;

-- Verify neanelu:functions/inventory/levels on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Each function is there, of its owner, closed to PUBLIC, with a search path; and exactly these logins may call it.
    SELECT string_agg(f.name, ', ') INTO v_bad
      FROM (VALUES ('inventory.source(uuid)', 'neanelu_engine', true, '{neanelu_tenant,neanelu_app,neanelu_worker,neanelu_operator}'),
                   ('inventory.set_source(uuid, text)', 'neanelu_engine', true, '{neanelu_app,neanelu_operator}'),
                   ('inventory._lock_counts(uuid, uuid[], text[], integer[], timestamptz[], boolean)', 'neanelu_engine', false, '{}'),
                   ('inventory._take_counts(uuid, uuid[], text[], integer[], timestamptz[], text, text)', 'neanelu_engine', false, '{}'),
                   ('inventory._variant_of_item(uuid, text)', 'neanelu_engine', false, '{}'),
                   ('inventory.record_absolute(uuid, bigint, text, integer, timestamptz, text, text)', 'neanelu_engine', true, '{neanelu_webhooks,neanelu_worker,neanelu_operator}'),
                   ('inventory._differing_levels(uuid, timestamptz)', 'neanelu_engine', false, '{}'),
                   ('inventory.record_levels(uuid, timestamptz, text, text)', 'neanelu_engine', true, '{neanelu_worker,neanelu_operator}'),
                   ('inventory.record_bulk(uuid, uuid)', 'neanelu_engine', true, '{neanelu_worker,neanelu_operator}'),
                   ('inventory.drift(uuid)', 'neanelu_engine', true, '{neanelu_tenant,neanelu_app,neanelu_worker,neanelu_operator}')) AS f (name, owner, is_definer, callers)
      JOIN pg_catalog.pg_proc AS p ON p.oid = f.name::regprocedure
     WHERE p.proowner <> f.owner::regrole
        OR p.prosecdef AND (p.proconfig IS NULL OR NOT p.proconfig[1] LIKE 'search_path=%pg_temp')
        OR p.prosecdef <> f.is_definer
        OR EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
        OR EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                    WHERE r.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                        'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')
                      AND has_function_privilege(r.rolname, p.oid, 'EXECUTE') <> (r.rolname = ANY (f.callers::text[])));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'owner, rights or settings are not as they should be: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;

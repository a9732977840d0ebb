-- Verify neanelu:functions/pim/versions on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('pim._lock_products(uuid[])', false, 'v', '{}'),
             ('pim._statuses(pim.vote[], pim.option[], pim.outcome[])', false, 's', '{}'),
             ('pim._settle_proposals(pim.vote[], pim.option[], pim.outcome[])', false, 'v', '{}'),
             ('pim._field_entries(pim.outcome[])', false, 's', '{}'),
             ('pim._lasting(jsonb)', false, 'i', '{}'),
             ('pim._next_versions(uuid[], pim.outcome[])', false, 's', '{}'),
             ('pim._write_versions(uuid[], pim.outcome[])', false, 'v', '{}'),
             ('pim._text_of(jsonb)', false, 'i', '{}'),
             ('pim._category_of(text)', false, 's', '{}'),
             ('pim._main_fields(pim.outcome[])', false, 's', '{}'),
             ('pim._primary_sources(pim.outcome[])', false, 's', '{}'),
             ('pim._came_from_sources(uuid, text)', false, 's', '{}'),
             ('pim._write_masters(pim.outcome[])', false, 'v', '{}'),
             ('pim._decide(uuid[], boolean)', false, 'v', '{}'),
             ('pim.decide(uuid[])', true, 'v', '{neanelu_worker,neanelu_pim_editor,neanelu_operator}'),
             ('pim.as_of(uuid, timestamptz)', true, 's', '{neanelu_worker,neanelu_pim_editor,neanelu_operator,neanelu_analyst}')
           ) AS f (signature, is_definer, volatility, callers)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR p.proowner <> 'neanelu_engine'::regrole
        OR p.prosecdef <> f.is_definer OR p.provolatile::text <> f.volatility
        OR (p.prosqlbody IS NULL AND coalesce(array_to_string(p.proconfig, ' '), '') !~ 'search_path=.*pg_temp')
        OR ARRAY(SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')
                   FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
                  WHERE a.grantee <> p.proowner ORDER BY 1 DESC) <> f.callers::text[];
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions missing, of another kind, or executable by the wrong roles: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;

-- Verify neanelu:functions/matching/clusters on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('matching._family(uuid)', false, 's', '{}'),
             ('matching._survivor(uuid)', false, 's', '{}'),
             ('matching._are_never_one(uuid, uuid)', false, 's', '{}'),
             ('matching._choose_survivor(uuid)', false, 's', '{}'),
             ('matching._snapshot(uuid, uuid, uuid)', false, 's', '{}'),
             ('matching._adopt_decisions(uuid, uuid)', false, 'v', '{}'),
             ('matching._return_decisions(uuid, uuid)', false, 'v', '{}'),
             ('matching._merge_one(uuid, uuid, uuid, uuid, text)', false, 'v', '{}'),
             ('matching._lock_cluster(uuid)', false, 'v', '{}'),
             ('matching._tell(uuid[])', false, 'v', '{}'),
             ('matching.merge(uuid, uuid, uuid, text)', true, 'v', '{neanelu_pim_editor,neanelu_operator,neanelu_app}'),
             ('matching._restore_references(neanelu.prod_match_journal)', false, 'v', '{}'),
             ('matching._restore_products(neanelu.prod_match_journal, boolean)', false, 'v', '{}'),
             ('matching._restore_cluster(neanelu.prod_match_journal, boolean)', false, 'v', '{}'),
             ('matching._unmerge(neanelu.prod_match_journal, uuid, text)', false, 'v', '{}'),
             ('matching.unmerge(uuid, uuid, uuid, text, boolean)', true, 'v', '{neanelu_pim_editor,neanelu_operator,neanelu_app}')
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

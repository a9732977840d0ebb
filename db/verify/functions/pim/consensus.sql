-- Verify neanelu:functions/pim/consensus on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('pim._fold(text)', false, 'i', '{}'),
             ('pim._inner(jsonb)', false, 'i', '{}'),
             ('pim._array_key(jsonb)', false, 'i', '{}'),
             ('pim._value_key(jsonb)', false, 'i', '{}'),
             ('pim._rules(uuid[], text[])', false, 's', '{}'),
             ('pim._live_proposals(uuid[])', false, 's', '{}'),
             ('pim._votes(uuid[])', false, 's', '{}'),
             ('pim._elements(pim.vote[])', false, 'i', '{}'),
             ('pim._keys(pim.vote[])', false, 's', '{}'),
             ('pim._grouped(pim.vote[])', false, 's', '{}'),
             ('pim._tally(pim.vote[])', false, 's', '{}'),
             ('pim._agrees(jsonb, jsonb, numeric, text)', false, 'i', '{}'),
             ('pim._heed_decisions(uuid[], pim.option[])', false, 's', '{}'),
             ('pim._supporters(pim.vote[], pim.option[])', false, 's', '{}'),
             ('pim._fields(pim.option[])', false, 's', '{}'),
             ('pim._outcomes(uuid[], pim.vote[], pim.option[])', false, 's', '{}')
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

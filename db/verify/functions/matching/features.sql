-- Verify neanelu:functions/matching/features on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('matching._shape(text)', false, 'i', '{}'),
             ('matching._is_code(text)', false, 'i', '{}'),
             ('matching._prior(text)', false, 'i', '{}'),
             ('matching._is_unit(text)', false, 'i', '{}'),
             ('matching._is_number(text)', false, 'i', '{}'),
             ('matching._kind(text, text, text)', false, 'i', '{}'),
             ('matching._pieces(text[])', false, 'i', '{}'),
             ('matching._codes(matching.piece[])', false, 'i', '{}'),
             ('matching._measures(matching.piece[])', false, 'i', '{}'),
             ('matching._colours(text[])', false, 'i', '{}'),
             ('matching._sign_words()', false, 'i', '{}'),
             ('matching._signs(matching.piece[])', false, 'i', '{}'),
             ('matching._tokens(matching.piece[], matching.code[])', false, 'i', '{}'),
             ('matching.features_many(text[], text[], text[])', false, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_analyst}'),
             ('matching.features(text, text, text)', false, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_analyst}'),
             ('normalise.model_code(text)', false, 's', '{neanelu_tenant,neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}')
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

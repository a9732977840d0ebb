-- Verify neanelu:functions/matching/score on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('matching._probability(double precision)', false, 'i', '{}'),
             ('matching._is_prefix(text, text)', false, 'i', '{}'),
             ('matching._code_pair(text, text)', false, 'i', '{}'),
             ('matching._is_same_code(text[], text[])', false, 'i', '{}'),
             ('matching._brand_relation(neanelu.prod_match_keys, neanelu.prod_match_keys)', false, 'i', '{}'),
             ('matching._evidence(neanelu.prod_match_keys, neanelu.prod_match_keys, float4, text, text, text[], numeric)', false, 's', '{}'),
             ('matching._is_sufficient(neanelu.prod_match_keys, neanelu.prod_match_keys, jsonb, numeric)', false, 'i', '{}'),
             ('matching._method(jsonb)', false, 'i', '{}'),
             ('matching._cosines(matching.term[], matching.term[], integer[], integer[])', false, 'i', '{}'),
             ('matching._relations(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[])', false, 'i', '{}'),
             ('matching._worth_a_look(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[])', false, 's', '{}'),
             ('matching._score(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[])', false, 's', '{}'),
             ('matching._compare_with(neanelu.prod_match_keys[], integer[], uuid[])', false, 's', '{}'),
             ('matching._compare(neanelu.prod_match_keys[], integer)', false, 's', '{}'),
             ('matching._items(uuid[], text[], text[], text[], text[], text[], numeric[], text[])', false, 's', '{}'),
             ('matching._item(uuid, text, text, text, text)', false, 's', '{}'),
             ('matching.candidates(text, text, text, text, integer)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_analyst}')
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

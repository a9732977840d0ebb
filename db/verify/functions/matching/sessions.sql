-- Verify neanelu:functions/matching/sessions on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('matching._source_key(text, text)', false, 'i', '{}'),
             ('matching._records(uuid[])', false, 's', '{}'),
             ('matching._lock(text[])', false, 'v', '{}'),
             ('matching._lock_records(matching.offer[], neanelu.prod_match_keys[])', false, 'v', '{}'),
             ('matching._bands(uuid[])', false, 's', '{}'),
             ('matching._decide(matching.offer[], neanelu.prod_match_keys[])', false, 's', '{}'),
             ('matching._candidates_within(neanelu.prod_match_keys[], integer[])', false, 's', '{}'),
             ('matching._weigh_within(matching.pair[], integer[], uuid[], double precision)', false, 'i', '{}'),
             ('matching._pairs_within(matching.offer[], neanelu.prod_match_keys[], integer[])', false, 's', '{}'),
             ('matching._leaders(matching.offer[], integer[], integer[], integer[])', false, 'i', '{}'),
             ('matching._count_members(uuid[])', false, 'v', '{}'),
             ('matching._group(matching.offer[], neanelu.prod_match_keys[], matching.decision[])', false, 'v', '{}'),
             ('matching._create(matching.offer[], neanelu.prod_match_keys[], matching.decision[])', false, 'v', '{}'),
             ('matching._link(matching.offer[], neanelu.prod_match_keys[], matching.decision[])', false, 'v', '{}'),
             ('matching._match(matching.offer[])', false, 'v', '{}'),
             ('matching._record_keys(matching.offer[])', false, 's', '{}'),
             ('matching._add_numbers(uuid[])', false, 'v', '{}'),
             ('matching._suggest(matching.decision[])', false, 'v', '{}'),
             ('matching._suggest_pairs(uuid[], uuid[], double precision[], jsonb[])', false, 'v', '{}'),
             ('matching.find_links(uuid[])', false, 's', '{}'),
             ('matching.match_sessions(uuid[])', true, 'v', '{neanelu_worker,neanelu_operator,neanelu_harvester,neanelu_ai}')
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

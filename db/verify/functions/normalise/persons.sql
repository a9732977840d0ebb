-- Verify neanelu:functions/normalise/persons on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('normalise._person_words(text)', false, 'i', '{}'),
             ('normalise._is_particle(text)', false, 'i', '{}'),
             ('normalise._is_family_name(text)', false, 'i', '{}'),
             ('normalise._person_pieces(text)', false, 'i', '{}'),
             ('normalise._chained_names(text[])', false, 's', '{}'),
             ('normalise._comma_names(text)', false, 's', '{}'),
             ('normalise._person_name(text)', false, 's', '{}'),
             ('normalise.person_names(text)', false, 's', '{neanelu_pim_editor,neanelu_operator,neanelu_analyst}'),
             ('normalise.person_names(jsonb)', false, 's', '{neanelu_pim_editor,neanelu_operator,neanelu_analyst}'),
             ('normalise._is_short_for(text[], text[])', false, 'i', '{}'),
             ('normalise.is_same_person(text[], text[])', false, 'i', '{}'),
             ('normalise._is_variant(text[], text[])', false, 'i', '{}'),
             ('normalise._run_together(text[], numeric[])', false, 'i', '{}'),
             ('normalise.merge_persons(text[], numeric[], text[])', false, 'i', '{}')
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

-- Verify neanelu:functions/normalise/map on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('normalise._decide_names(text[], text[], jsonb, text)', true, 's', '{}'),
             ('normalise.map_attributes(uuid, text[], jsonb, text)', true, 'v', '{neanelu_platform,neanelu_pim_editor,neanelu_harvester}'),
             ('normalise._propose_synonyms(uuid, text[])', true, 'v', '{}'),
             ('normalise._read_again(uuid[], text)', false, 'v', '{}'),
             ('normalise.add_synonym(text, text, text, text)', true, 'v', '{neanelu_pim_editor,neanelu_operator}'),
             ('normalise.review_mapping(uuid, text, text, uuid)', true, 'v', '{neanelu_pim_editor,neanelu_operator}'),
             ('normalise.review_mappings(integer, text, uuid)', true, 's', '{neanelu_pim_editor,neanelu_operator,neanelu_analyst}'),
             ('normalise.set_source_unit(uuid, text, text)', true, 'v', '{neanelu_pim_editor,neanelu_operator}'),
             ('normalise.set_setting(text, numeric)', true, 'v', '{neanelu_pim_editor,neanelu_operator}'),
             ('normalise.learn_profiles(integer)', true, 'v', '{neanelu_worker,neanelu_operator}'),
             ('normalise.store_name_vectors(text, text[], float4[])', true, 'v', '{neanelu_operator,neanelu_ai}'),
             ('normalise.store_definition_vectors(text, text[], float4[])', true, 'v', '{neanelu_operator,neanelu_ai}')
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

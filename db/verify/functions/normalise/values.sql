-- Verify neanelu:functions/normalise/values on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('normalise.unit(text, text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise.convert(numeric, text, text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise._unit_at(text, text)', true, 's', '{}'),
             ('normalise._is_foreign(text, text)', true, 's', '{}'),
             ('normalise.measures(text, text, text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise._is_part(numeric, text, text)', true, 's', '{}'),
             ('normalise._amounts(text, text, text, text, text)', true, 's', '{}'),
             ('normalise._word(text, text)', true, 's', '{}'),
             ('normalise._boolean(text)', true, 's', '{}'),
             ('normalise._label_key(text)', false, 'i', '{}'),
             ('normalise._colour_keys(text[])', true, 's', '{}'),
             ('normalise._enum_labels(jsonb)', false, 'i', '{}'),
             ('normalise._enum_hit(text, text, text[], text[], text[])', false, 'i', '{}'),
             ('normalise._enum_near(text, text, text[], text[], text[])', true, 's', '{}'),
             ('normalise._enum_learnt(text, text[], text[])', false, 'i', '{}'),
             ('normalise._enum(text, jsonb)', true, 's', '{}'),
             ('normalise._bound(text, text)', false, 'i', '{}'),
             ('normalise._range(text, text, text, text, text)', true, 's', '{}'),
             ('normalise._dimensions(text, text, text, text, text)', true, 's', '{}'),
             ('normalise._simple(text, text, text, text, text)', true, 's', '{}'),
             ('normalise._packed(numeric, numeric, numeric, text)', true, 's', '{}'),
             ('normalise._number(text, text, text, text, text)', true, 's', '{}'),
             ('normalise._list(text, text, text, text, jsonb, text)', true, 's', '{}'),
             ('normalise.value(text, text, text, text, text, jsonb, text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise.brand_key(text)', false, 'i', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise.brand(text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise.add_brand_alias(text, text)', true, 'v', '{neanelu_pim_editor,neanelu_operator}'),
             ('normalise.is_same_brand(text, text)', false, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}')
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

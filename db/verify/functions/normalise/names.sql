-- Verify neanelu:functions/normalise/names on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('normalise.setting(text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise._forms(text)', false, 'i', '{}'),
             ('normalise._compound(text, integer)', true, 's', '{}'),
             ('normalise._compound_head(text)', true, 's', '{}'),
             ('normalise._name_unit(text)', true, 's', '{}'),
             ('normalise._without_unit(text)', true, 's', '{}'),
             ('normalise.concepts(text, text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise.expected(text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise.profile(text[])', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise._values_fit(jsonb, text, text, jsonb, jsonb)', false, 'i', '{}'),
             ('normalise._pool(text[], jsonb, integer)', true, 's', '{}'),
             ('normalise._rank(text[], jsonb, jsonb, integer, extensions.vector, text)', true, 's', '{}'),
             ('normalise._profile_with_unit(text[], text)', true, 's', '{}'),
             ('normalise.attribute_candidates(text, text, text, text[], integer, extensions.vector, text)', true, 's', '{neanelu_platform,neanelu_pim_editor,neanelu_operator,neanelu_harvester,neanelu_analyst}'),
             ('normalise._index_names(uuid[])', true, 'v', '{}'),
             ('normalise.tg_prod_attr_definitions__index_new()', true, 'v', '{neanelu_owner}'),
             ('normalise.tg_prod_attr_definitions__index_changed()', true, 'v', '{neanelu_owner}'),
             ('normalise.tg_prod_attr_synonyms__index_new()', true, 'v', '{neanelu_owner}'),
             ('normalise.tg_prod_attr_synonyms__index_changed()', true, 'v', '{neanelu_owner}'),
             ('normalise.tg_prod_attr_synonyms__index_gone()', true, 'v', '{neanelu_owner}')
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

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_attr_definitions'::regclass AND t.tgname = 'tg_prod_attr_definitions__index_new' AND t.tgenabled = 'O'
           AND t.tgfoid = 'normalise.tg_prod_attr_definitions__index_new()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_attr_definitions__index_new is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_attr_definitions'::regclass AND t.tgname = 'tg_prod_attr_definitions__index_changed' AND t.tgenabled = 'O'
           AND t.tgfoid = 'normalise.tg_prod_attr_definitions__index_changed()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_attr_definitions__index_changed is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_attr_synonyms'::regclass AND t.tgname = 'tg_prod_attr_synonyms__index_new' AND t.tgenabled = 'O'
           AND t.tgfoid = 'normalise.tg_prod_attr_synonyms__index_new()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_attr_synonyms__index_new is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_attr_synonyms'::regclass AND t.tgname = 'tg_prod_attr_synonyms__index_changed' AND t.tgenabled = 'O'
           AND t.tgfoid = 'normalise.tg_prod_attr_synonyms__index_changed()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_attr_synonyms__index_changed is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_attr_synonyms'::regclass AND t.tgname = 'tg_prod_attr_synonyms__index_gone' AND t.tgenabled = 'O'
           AND t.tgfoid = 'normalise.tg_prod_attr_synonyms__index_gone()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_attr_synonyms__index_gone is missing or disabled';
    END IF;
END
$verify$;

ROLLBACK;

-- Verify neanelu:functions/pim/quality on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('pim._quality_setting(text, numeric)', true, 's', '{}'),
             ('pim._field_values(uuid[])', true, 's', '{}'),
             ('pim._main_locales(uuid[])', true, 's', '{}'),
             ('pim._expected(uuid[])', true, 's', '{}'),
             ('pim._completeness(uuid[])', true, 's', '{}'),
             ('pim._accuracy(uuid[])', true, 's', '{}'),
             ('pim._matches(text, text)', false, 'i', '{}'),
             ('pim._value_problem(jsonb, text, text, jsonb, text, jsonb)', false, 'i', '{}'),
             ('pim._is_allowed(text, jsonb)', false, 'i', '{}'),
             ('pim._validation_rules(uuid[])', true, 's', '{}'),
             ('pim._consistency(uuid[])', true, 's', '{}'),
             ('pim._level_rank(text)', false, 'i', '{}'),
             ('pim._level_rules(uuid[])', true, 's', '{}'),
             ('pim._measures(uuid[])', true, 's', '{}'),
             ('pim._judged(uuid[])', true, 's', '{}'),
             ('pim.score(uuid[], text, uuid, text)', true, 'v', '{neanelu_worker,neanelu_pim_editor,neanelu_operator}'),
             ('pim.rescore(integer)', true, 'v', '{neanelu_worker,neanelu_pim_editor,neanelu_operator}')
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

-- Verify neanelu:functions/pim/translations on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('pim._source_hash(text, text)', false, 'i', '{}'),
             ('pim.tg_prod_semantics__stale()', true, 'v', '{neanelu_owner}'),
             ('pim.untranslated(text, integer)', true, 's', '{neanelu_worker,neanelu_pim_editor,neanelu_operator,neanelu_ai}'),
             ('pim.set_translations(jsonb, text)', true, 'v', '{neanelu_worker,neanelu_pim_editor,neanelu_ai}'),
             ('pim.approve_translations(uuid[], text, boolean)', true, 'v', '{neanelu_pim_editor}')
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
         WHERE t.tgrelid = 'neanelu.prod_semantics'::regclass AND t.tgname = 'tg_prod_semantics__stale_insert' AND t.tgenabled = 'O'
           AND t.tgfoid = 'pim.tg_prod_semantics__stale()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_semantics__stale_insert is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_semantics'::regclass AND t.tgname = 'tg_prod_semantics__stale_update' AND t.tgenabled = 'O'
           AND t.tgfoid = 'pim.tg_prod_semantics__stale()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_semantics__stale_update is missing or disabled';
    END IF;
END
$verify$;

ROLLBACK;

-- Verify neanelu:functions/matching/rescan on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('matching._changed_products(integer)', false, 's', '{}'),
             ('matching.tg_prod_embeddings__note()', true, 'v', '{}'),
             ('matching._take_arrivals(integer)', false, 'v', '{}'),
             ('matching._neighbours(uuid[], integer)', false, 's', '{}'),
             ('matching._vector_distance(uuid, uuid)', false, 's', '{}'),
             ('matching._with_vectors(matching.pair[], neanelu.prod_match_keys[])', false, 's', '{}'),
             ('matching._may_be_one(uuid, uuid)', false, 's', '{}'),
             ('matching._compare_products(uuid[], uuid[], uuid[])', false, 's', '{}'),
             ('matching._may_merge(uuid)', false, 's', '{}'),
             ('matching.rescan(integer)', true, 'v', '{neanelu_worker,neanelu_operator}')
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
         WHERE t.tgrelid = 'neanelu.prod_embeddings'::regclass AND t.tgname = 'tg_prod_embeddings__note_insert' AND t.tgenabled = 'O'
           AND t.tgfoid = 'matching.tg_prod_embeddings__note()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_embeddings__note_insert is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.prod_embeddings'::regclass AND t.tgname = 'tg_prod_embeddings__note_update' AND t.tgenabled = 'O'
           AND t.tgfoid = 'matching.tg_prod_embeddings__note()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_prod_embeddings__note_update is missing or disabled';
    END IF;
END
$verify$;

ROLLBACK;

-- Verify neanelu:functions/ai/texts on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('ai._model(text)', false, 's', '{}'),
             ('ai._spoken(jsonb)', false, 'i', '{}'),
             ('ai._plain(text)', false, 'i', '{}'),
             ('ai._cut(text, integer)', false, 'i', '{}'),
             ('ai._hash(text)', false, 'i', '{}'),
             ('ai._product_texts(uuid[], text)', false, 's', '{}'),
             ('ai._shop_product_texts(uuid, uuid[], text)', false, 's', '{}'),
             ('ai._attribute_texts(uuid[])', false, 's', '{}'),
             ('ai._changed(text, uuid, xid8, uuid, integer)', false, 's', '{}'),
             ('ai._next_page(text, text, uuid, integer)', false, 'v', '{}'),
             ('ai._texts(text, uuid, uuid[], text, neanelu.embedding_models)', false, 's', '{}'),
             ('ai._queue(text, uuid, uuid[], text, neanelu.embedding_models)', false, 'v', '{}'),
             ('ai.collect_texts(text, text, uuid, integer, text, uuid[])', true, 'v', '{neanelu_worker,neanelu_ai}'),
             ('ai.recheck_texts(text)', true, 'v', '{neanelu_operator,neanelu_ai}'),
             ('ai.request_vectors(text[], text)', true, 'v', '{neanelu_worker,neanelu_pim_editor,neanelu_ai}'),
             ('ai.vectors_of(text[], text)', true, 's', '{neanelu_worker,neanelu_pim_editor,neanelu_ai}'),
             ('ai.claim_texts(text, integer, bigint, interval, uuid, uuid, text)', true, 'v', '{neanelu_worker,neanelu_ai}'),
             ('ai.release_texts(uuid, interval, boolean)', true, 'v', '{neanelu_worker,neanelu_ai}'),
             ('ai.collect_words(uuid, integer)', true, 'v', '{neanelu_worker,neanelu_ai}'),
             ('ai.collect_due(text, integer, interval)', true, 'v', '{neanelu_worker,neanelu_ai}')
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

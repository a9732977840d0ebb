-- Verify neanelu:functions/ai/extraction on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('ai._asked(uuid)', true, 's', '{}'),
             ('ai._response_schema(jsonb)', false, 'i', '{}'),
             ('ai._extraction_body(text, text, jsonb, integer)', false, 'i', '{}'),
             ('ai.request_extraction(uuid[], timestamptz[])', true, 'v', '{neanelu_worker,neanelu_pim_editor,neanelu_operator}'),
             ('ai.claim_pages(integer, interval)', true, 'v', '{neanelu_ai}'),
             ('ai.queue_extractions(uuid[], text[], text, text, integer, integer, interval)', true, 'v', '{neanelu_ai}'),
             ('ai._fold(text)', false, 'i', '{}'),
             ('ai._words(text)', false, 'i', '{}'),
             ('ai._is_supported(text, text)', false, 'i', '{}'),
             ('ai._misfit(jsonb)', false, 'i', '{}'),
             ('ai._judge(jsonb, jsonb, text)', false, 'i', '{}'),
             ('ai._read_answer(neanelu.ai_batch_items)', true, 's', '{}'),
             ('ai._conclude(neanelu.ai_extractions, neanelu.ai_batch_items, integer)', true, 'v', '{}'),
             ('ai.take_extraction(uuid)', true, 'v', '{}')
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

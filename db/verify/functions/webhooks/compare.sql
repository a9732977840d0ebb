-- Verify neanelu:functions/webhooks/compare on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks._filter(timestamptz, timestamptz, timestamptz)', false, 's', '{}'),
             ('webhooks._question(text, timestamptz, timestamptz, timestamptz)', false, 's', '{}'),
             ('webhooks._mirror_window(neanelu.mirror_comparisons, timestamptz, timestamptz)', true, 's', '{}'),
             ('webhooks._first_questions(neanelu.mirror_comparisons)', true, 's', '{}'),
             ('webhooks.begin_comparison(uuid, text, interval)', true, 'v', '{neanelu_worker,neanelu_operator}'),
             ('webhooks.comparable()', false, 'i', '{neanelu_worker,neanelu_operator}'),
             ('webhooks._weigh_count(neanelu.mirror_comparisons, jsonb)', true, 's', '{}'),
             ('webhooks._weigh_list(neanelu.mirror_comparisons, jsonb)', true, 'v', '{}'),
             ('webhooks.continue_comparison(uuid, uuid, jsonb)', true, 'v', '{neanelu_worker,neanelu_operator}'),
             ('webhooks._note_comparison(neanelu.mirror_comparisons, jsonb, text)', true, 'v', '{}'),
             ('webhooks._compare_due(integer)', true, 'v', '{}'),
             ('webhooks._resync_due(integer)', true, 'v', '{}'),
             ('webhooks.reconcile_due(uuid, jsonb)', true, 'v', '{}'),
             ('webhooks.sweep(uuid, jsonb)', true, 'v', '{}'),
             ('webhooks.metrics()', true, 's', '{neanelu_worker,neanelu_operator}'),
             ('webhooks.event_metrics()', true, 's', '{neanelu_worker,neanelu_operator}')
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

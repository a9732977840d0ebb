-- Verify neanelu:functions/webhooks/process on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks._note_shop(uuid, jsonb, text, timestamptz)', true, 'v', '{}'),
             ('webhooks._update_shop(uuid, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks.apply_shop(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks.apply_bulk(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks.apply_privacy(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._enter(uuid, text[])', true, 'v', '{}'),
             ('webhooks._apply(uuid, neanelu.webhook_events, text)', true, 'v', '{}'),
             ('webhooks.process(uuid, jsonb)', true, 'v', '{}'),
             ('webhooks.retry(uuid, uuid)', true, 'v', '{neanelu_operator}')
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

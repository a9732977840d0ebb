-- Verify neanelu:functions/webhooks/objects on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks._gid(text, text)', false, 'i', '{}'),
             ('webhooks._number(jsonb, text)', false, 'i', '{}'),
             ('webhooks._time(jsonb, text)', false, 's', '{}'),
             ('webhooks._utc(timestamptz)', false, 's', '{}'),
             ('webhooks._amount(jsonb)', false, 'i', '{}'),
             ('webhooks._upper(jsonb)', false, 'i', '{}'),
             ('webhooks._tags(jsonb)', false, 'i', '{}'),
             ('webhooks._address(jsonb, boolean)', false, 'i', '{}'),
             ('webhooks._shop_money(jsonb)', false, 'i', '{}'),
             ('webhooks._money(jsonb)', false, 'i', '{}'),
             ('webhooks._state(uuid, text, text, bigint, timestamptz)', true, 'v', '{}'),
             ('webhooks._set_list(text[], text)', false, 'i', '{}'),
             ('webhooks._write(uuid, text, jsonb, timestamptz, text, text)', true, 'v', '{}'),
             ('webhooks._bury(uuid, text, bigint, timestamptz, bigint)', true, 'v', '{}'),
             ('webhooks._mark_deleted(uuid, text, text, bigint[], timestamptz, text)', true, 'v', '{}'),
             ('webhooks._delete(uuid, text, text, bigint, timestamptz)', true, 'v', '{}'),
             ('webhooks._forget_digests(uuid, text, bigint, text)', true, 'v', '{}'),
             ('webhooks._want(uuid, text, bigint[], interval)', true, 'v', '{}'),
             ('webhooks._fetch_after(text)', true, 's', '{}')
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

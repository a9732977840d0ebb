-- Verify neanelu:functions/webhooks/inventory on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks._level_death(uuid, bigint, bigint)', true, 's', '{}'),
             ('webhooks._write_level(uuid, jsonb, timestamptz, uuid)', true, 'v', '{}'),
             ('webhooks.apply_levels(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._disconnect(uuid, bigint, bigint, uuid, timestamptz)', true, 'v', '{}'),
             ('webhooks._record_levels(uuid, text[])', true, 'v', '{}'),
             ('webhooks._item_row(jsonb)', false, 's', '{}'),
             ('webhooks.apply_items(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._write_item(uuid, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks.apply_locations(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._location_address(jsonb)', false, 'i', '{}')
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

-- Verify neanelu:functions/webhooks/orders on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks._customer_row(jsonb)', false, 's', '{}'),
             ('webhooks.apply_customers(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._tax_lines(jsonb)', false, 'i', '{}'),
             ('webhooks._attributes(jsonb)', false, 'i', '{}'),
             ('webhooks._discounted_total(jsonb)', false, 'i', '{}'),
             ('webhooks._line_items(jsonb)', false, 'i', '{}'),
             ('webhooks._shipping_lines(jsonb)', false, 'i', '{}'),
             ('webhooks._refunds(jsonb)', false, 's', '{}'),
             ('webhooks._fulfillment_status(text, text)', false, 'i', '{}'),
             ('webhooks._order_amounts(jsonb)', false, 's', '{}'),
             ('webhooks._order_row(jsonb, text)', false, 's', '{}'),
             ('webhooks._customer_of(uuid, jsonb)', true, 'v', '{}'),
             ('webhooks._items_of(uuid, jsonb)', true, 's', '{}'),
             ('webhooks.apply_orders(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._metaobject_fields(uuid, text, jsonb, jsonb)', false, 's', '{}'),
             ('webhooks.apply_metaobjects(uuid, text, jsonb, timestamptz)', true, 'v', '{}')
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

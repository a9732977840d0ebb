-- Verify neanelu:functions/webhooks/products on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks._product_row(jsonb)', false, 's', '{}'),
             ('webhooks._selected_options(jsonb, jsonb)', false, 'i', '{}'),
             ('webhooks._image_url(jsonb, jsonb)', false, 'i', '{}'),
             ('webhooks._variant_row(jsonb, jsonb, text)', false, 's', '{}'),
             ('webhooks._new_items(uuid, jsonb)', true, 's', '{}'),
             ('webhooks._write_variants(uuid, text, jsonb, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._delete_variants(uuid, text, text[], timestamptz, text)', true, 'v', '{}'),
             ('webhooks._variant_gids(jsonb)', false, 'i', '{}'),
             ('webhooks._want_collections_of(uuid, text)', true, 'v', '{}'),
             ('webhooks.apply_products(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks.apply_variants(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks.apply_publications(uuid, text, jsonb, timestamptz)', true, 'v', '{}'),
             ('webhooks._write_publication(uuid, bigint, bigint, timestamptz, boolean, timestamptz)', true, 'v', '{}'),
             ('webhooks._collection_row(jsonb, boolean)', false, 's', '{}'),
             ('webhooks.apply_collections(uuid, text, jsonb, timestamptz)', true, 'v', '{}')
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

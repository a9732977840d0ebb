BEGIN;
SELECT plan(6);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status, tags, metafields)
SELECT '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/' || n, n, 'product ' || n, 'p' || n, 'ACTIVE', ARRAY['t' || n], jsonb_build_object('k', n)
  FROM generate_series(1, 3000) AS n;
ANALYZE shopify_products;

CREATE FUNCTION pg_temp.plan_of(p_role name, p_statement text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    v_line text;
    v_plan text := '';
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', p_role);
    FOR v_line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || p_statement LOOP
        v_plan := v_plan || v_line || E'\n';
    END LOOP;
    RESET ROLE;
    RETURN v_plan;
END
$f$;
GRANT neanelu_engine, neanelu_tenant TO CURRENT_USER;
SET LOCAL app.current_shop_id = '00000000-0000-7000-8000-0000000000a1';

SELECT matches(pg_temp.plan_of('neanelu_engine', $$SELECT id FROM neanelu.shopify_products WHERE shop_id = '00000000-0000-7000-8000-0000000000a1' AND metafields @> '{"k": 5}'$$),
               'idx_products_metafields', 'the engine: containment by its GIN index');
SELECT matches(pg_temp.plan_of('neanelu_engine', $$SELECT id FROM neanelu.shopify_products WHERE shop_id = '00000000-0000-7000-8000-0000000000a1' AND tags @> ARRAY['t5']$$),
               'idx_products_tags', 'the engine: tags by their GIN index');
SELECT matches(pg_temp.plan_of('neanelu_engine', $$SELECT id FROM neanelu.shopify_products WHERE shop_id = '00000000-0000-7000-8000-0000000000a1'
                   AND to_tsvector('pg_catalog.simple', title || ' ' || coalesce(description, '')) @@ to_tsquery('simple', 'product & 77')$$),
               'idx_products_fts', 'the engine: full text by its GIN index');
SELECT matches(pg_temp.plan_of('neanelu_tenant', $$SELECT title FROM neanelu.shopify_products WHERE shopify_gid = 'gid://shopify/Product/5'$$),
               'Index Cond: \(\(shop_id = (app\.)?current_shop_id\(\)\) AND', 'a tenant: the shop and the gid together are the index condition');
SELECT matches(pg_temp.plan_of('neanelu_tenant', $$SELECT title FROM neanelu.shopify_products WHERE id = '00000000-0000-7000-8000-0000000000a1'$$),
               'shopify_products_pkey', 'a tenant: the primary key');
SELECT doesnt_match(pg_temp.plan_of('neanelu_tenant', $$SELECT title FROM neanelu.shopify_products WHERE metafields @> '{"k": 5}'$$),
               'idx_products_metafields', 'a tenant: no operator that could leak runs before the policy, which is why there are search functions');

SELECT * FROM finish();
ROLLBACK;

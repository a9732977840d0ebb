BEGIN;
SELECT plan(11);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
             ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
CREATE FUNCTION pg_temp.breaks(p_set text, p_constraint text, p_why text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
  v_name text;
BEGIN
  BEGIN
    EXECUTE 'UPDATE neanelu.shops SET ' || p_set || ' WHERE id = ''00000000-0000-7000-8000-0000000000a1''';
  EXCEPTION WHEN check_violation OR unique_violation THEN
    GET STACKED DIAGNOSTICS v_name = CONSTRAINT_NAME;
  END;
  RETURN is(v_name, p_constraint, p_why);
END
$f$;

SELECT is((SELECT api_version FROM shops LIMIT 1), '2026-10', 'the supported API version is the default');
SELECT pg_temp.breaks('access_token_tag = NULL', 'shops_token_while_installed_check', 'a part of the token may not be missing');
SELECT pg_temp.breaks('uninstalled_at = now()', 'shops_token_while_installed_check', 'an uninstalled shop may not keep its token');
SELECT pg_temp.breaks('access_token_ciphertext = NULL, access_token_iv = NULL, access_token_tag = NULL',
  'shops_token_while_installed_check', 'an installed shop may not lose its token');
SELECT lives_ok($$UPDATE shops SET uninstalled_at = now(), access_token_ciphertext = NULL, access_token_iv = NULL, access_token_tag = NULL
  WHERE id = '00000000-0000-7000-8000-0000000000a2'$$, 'uninstalling erases the token');
SELECT pg_temp.breaks('access_token_iv = ''\x00''', 'shops_token_sizes_check', 'an initialisation vector has 12 bytes');
SELECT pg_temp.breaks('api_version = ''2026-11''', 'shops_api_version_check', 'an API version is that of a quarter');
SELECT pg_temp.breaks('shopify_domain = ''a.myshopify.com.evil.example''', 'shops_shopify_domain_check', 'the domain is one of Shopify''s');
SELECT pg_temp.breaks('shopify_domain = ''B.MyShopify.com''', 'idx_shops_domain', 'a domain is taken whatever its letters'' case');
SELECT pg_temp.breaks('uninstalled_at = installed_at - interval ''1 second'', access_token_ciphertext = NULL, access_token_iv = NULL, access_token_tag = NULL',
  'shops_install_order_check', 'nothing is uninstalled before it was installed');
SELECT pg_temp.breaks('plan_tier = ''gold''', 'shops_plan_tier_check', 'an unknown plan');

SELECT * FROM finish();
ROLLBACK;

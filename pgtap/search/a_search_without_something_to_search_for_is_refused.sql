BEGIN;
SELECT plan(32);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
CREATE ROLE tap_a LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_b LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_unbound LOGIN IN ROLE neanelu_tenant;
SELECT app.bind_tenant_login('tap_a', '00000000-0000-7000-8000-0000000000a1');
SELECT app.bind_tenant_login('tap_b', '00000000-0000-7000-8000-0000000000a2');

\ir ../as_login.psql

SELECT is(pg_temp.as_login('tap_a', 'SELECT count(*) FROM search.' || call), code, coalesce(code || ': ', '') || call)
  FROM (VALUES
    ('products_by_metafield(NULL::jsonb)', 'NR001'),
    ('products_by_metafield(''{}''::jsonb)', 'NR001'),
    ('products_by_metafield(''[]''::jsonb)', 'NR001'),
    ('products_by_metafield(''"x"''::jsonb)', 'NR001'),
    ('products_by_metafield(''{"custom.n": {}}''::jsonb)', 'NR001'),
    ('products_by_metafield(''{"custom.n": [[], {}]}''::jsonb)', 'NR001'),
    ('products_by_metafield(jsonb_build_object(''a'', repeat(''x'', 9000)))', 'NR001'),
    ('products_by_metafield(NULL, ''x'')', 'NR001'),
    ('products_by_metafield(''custom.n'', NULL)', 'NR001'),
    ('products_by_metafield(''{"custom.n": {"value": null}}''::jsonb)', '0'),
    ('products_by_metafield(''{"custom.n": {"value": false}}''::jsonb)', '0'),
    ('products_by_tag(NULL)', 'NR002'),
    ('products_by_tag(''{}'')', 'NR002'),
    ('products_by_tag(''{a,NULL}'')', 'NR002'),
    ('products_by_tag(array_fill(''t''::text, ARRAY[101]))', 'NR002'),
    ('products_by_tag(''{a}'', NULL)', 'NR002'),
    ('products_by_tag(ARRAY[''''])', '0'),
    ('products(NULL)', 'NR003'),
    ('products('''')', 'NR003'),
    ('products(''  ,.- '')', 'NR003'),
    ('products(''-cotton'')', 'NR003'),
    ('products(''cotton or -silk'')', 'NR003'),
    ('products(repeat(''a '', 501))', 'NR003'),
    ('products(''cotton -silk "red shirt" or (!&|'')', '0'),
    ('ranked_products(''-cotton'')', 'NR003'),
    ('ranked_products(''cotton'', 20, 0)', 'NR004'),
    ('products_by_metafield(''custom.n'', ''x'', 0)', 'NR004'),
    ('products_by_tag(''{a}'', true, -1)', 'NR004'),
    ('products(''cotton'', 1001)', 'NR004'),
    ('products(''cotton'', NULL)', 'NR004'),
    ('products(''cotton'', 1000)', '0'),
    ('products(''cotton'', 1, ''00000000-0000-0000-0000-000000000000'')', '0')) AS c (call, code);

SELECT * FROM finish();
ROLLBACK;

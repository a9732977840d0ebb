BEGIN;
SELECT plan(38);

CREATE FUNCTION pg_temp.id(p_n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-00000000000' || p_n)::uuid $f$;
CREATE FUNCTION pg_temp.s(p_n integer DEFAULT 1) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-0000000000a' || p_n)::uuid $f$;
-- A vector of the local model between two directions: 0 is the first, 10 the second.
CREATE FUNCTION pg_temp.v(p_angle integer, p_dimensions integer DEFAULT 384) RETURNS extensions.vector LANGUAGE sql IMMUTABLE AS $f$
    SELECT (ARRAY[10 - p_angle, p_angle]::real[] || array_fill(0::real, ARRAY[p_dimensions - 2]))::extensions.vector
$f$;
INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT pg_temp.s(n), n || '.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}' FROM generate_series(1, 2) AS n;
INSERT INTO prod_master (id, internal_sku, canonical_title, brand)
SELECT pg_temp.id(n), 'v' || n, title, 'Acme' FROM (VALUES (1, 'Blue mug'), (2, 'Red mug'), (3, 'Desk lamp'), (4, 'Old lamp')) AS t (n, title);
UPDATE prod_master SET dedupe_status = 'duplicate' WHERE internal_sku = 'v4';
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
SELECT pg_temp.id(n), pg_temp.s(), 'gid://shopify/Product/' || n, n, title, 'h' || n, 'ACTIVE' FROM (VALUES (1, 'Blue mug'), (2, 'Red mug'), (3, 'Desk lamp')) AS t (n, title);
SELECT pim.refresh_semantics(ARRAY(SELECT id FROM prod_master));
INSERT INTO prod_embeddings (product_id, embedding_type, embedding, content_hash, model_version, dimensions)
SELECT pg_temp.id(n), 'combined', pg_temp.v(a, 1536), repeat('0', 64), 'all-minilm-l6-v2', 384 FROM (VALUES (1, 0), (2, 3), (3, 10)) AS t (n, a);
INSERT INTO shop_product_embeddings (shop_id, product_id, embedding_type, embedding, content_hash, model_version, dimensions, status, generated_at)
SELECT pg_temp.s(), pg_temp.id(n), 'combined', pg_temp.v(a, 1536), repeat('0', 64), 'all-minilm-l6-v2', 384, 'ready', now() FROM (VALUES (1, 0), (2, 3), (3, 10)) AS t (n, a);

-- Words that mistyped ones are compared with.
SELECT results_eq('SELECT checked, added, is_complete FROM ai.collect_words(NULL, 2)', 'VALUES (2, 4, false)', 'words of golden records are collected page by page');
SELECT is((SELECT is_complete FROM ai.collect_words()), true, 'to the end');
SELECT is((SELECT added FROM ai.collect_words()), 0, 'each once');
SELECT is((SELECT added FROM ai.collect_words(pg_temp.s())), 5, 'and words of a shop');
SELECT results_eq('SELECT word::text FROM search_words WHERE shop_id = pg_temp.s() ORDER BY 1', $$VALUES ('blue'), ('desk'), ('lamp'), ('mug'), ('red')$$, 'by themselves');
SELECT throws_ok('SET LOCAL SESSION AUTHORIZATION neanelu_tenant; SELECT * FROM ai.collect_words(NULL)', '42501', NULL, 'not by tenants');
RESET SESSION AUTHORIZATION;

-- Golden records.
SELECT results_eq('SELECT title FROM pim.by_vector(pg_temp.v(1))', $$VALUES ('Blue mug'), ('Red mug'), ('Desk lamp')$$, 'the nearest comes first');
SELECT is((SELECT round(distance::numeric, 4) FROM pim.by_vector(pg_temp.v(0), 1)), 0.0000, 'what is the same has no distance');
SELECT is((SELECT count(*) FROM pim.by_vector(pg_temp.v(1), 2)), 2::bigint, 'no more than asked for');
SELECT is_empty('SELECT * FROM pim.by_vector(pg_temp.v(1), 5, ''title'')', 'of another kind of text there are none');
SELECT is_empty($$SELECT * FROM pim.by_vector(pg_temp.v(1, 1536), 5, p_model => 'text-embedding-3-small')$$, 'nor of another model');
SELECT throws_ok('SELECT * FROM pim.by_vector(pg_temp.v(1, 3))', 'NE004', NULL, 'a vector of other dimensions is refused');
SELECT throws_ok('SELECT * FROM pim.by_vector(NULL)', 'NE004', NULL, 'so is none');
SELECT throws_ok($$SELECT * FROM pim.by_vector(array_fill(0::real, ARRAY[384])::extensions.vector)$$, 'NE004', NULL, 'and one without direction');
SELECT throws_ok($$SELECT * FROM pim.by_vector(pg_temp.v(1), p_model => 'none')$$, 'NE001', NULL, 'a model that is not there is told');
SELECT throws_ok('SELECT * FROM pim.by_vector(pg_temp.v(1), 0)', 'NR004', NULL, 'a page has a row at least');
SELECT results_eq('SELECT title FROM pim.similar(pg_temp.id(1))', $$VALUES ('Red mug'), ('Desk lamp')$$, 'what is most like one record, without itself');
SELECT is_empty('SELECT * FROM pim.similar(pg_temp.id(4))', 'nothing is like what has no vector');
SELECT results_eq($$SELECT title, text_rank, vector_rank FROM pim.search('lamp', pg_temp.v(0))$$, $$VALUES ('Desk lamp', 1, 3), ('Blue mug', NULL, 1), ('Red mug', NULL, 2)$$, 'who is in both lists comes first');
SELECT results_eq($$SELECT title, word_rank FROM pim.search('lammp')$$, $$VALUES ('Desk lamp', 1)$$, 'a mistyped word is taken for its like');
SELECT results_eq($$SELECT title FROM pim.search('mug -red')$$, $$VALUES ('Blue mug')$$, 'words may be left out');
SELECT is_empty($$SELECT * FROM pim.search('zebra')$$, 'what nobody says is not found');
SELECT throws_ok('SELECT * FROM pim.search(NULL)', 'NR003', NULL, 'something must be asked');
SELECT throws_ok($$SELECT * FROM pim.search(repeat('a', 1001))$$, 'NR003', NULL, 'in a thousand characters');

-- A shop's products.
SELECT results_eq('SELECT title FROM search.by_vector(pg_temp.s(), pg_temp.v(1))', $$VALUES ('Blue mug'), ('Red mug'), ('Desk lamp')$$, 'the same for a shop''s products');
SELECT is_empty('SELECT * FROM search.by_vector(pg_temp.s(2), pg_temp.v(1))', 'another shop has none');
SELECT throws_ok('SELECT * FROM search.by_vector(NULL, pg_temp.v(1))', 'NA002', NULL, 'no shop, no products');
SELECT throws_ok('SELECT * FROM search.by_vector(pg_temp.s(), pg_temp.v(1, 3))', 'NE004', NULL, 'a vector of other dimensions is refused');
SELECT results_eq('SELECT title FROM search.similar_products(pg_temp.s(), pg_temp.id(1), 1)', $$VALUES ('Red mug')$$, 'what is most like one product');
SELECT is_empty('SELECT * FROM search.similar_products(pg_temp.s(2), pg_temp.id(1))', 'of this shop');
SELECT throws_ok('SELECT * FROM search.similar_products(NULL, pg_temp.id(1))', 'NA002', NULL, 'not of none');
SELECT results_eq($$SELECT title, text_rank, vector_rank FROM search.hybrid(pg_temp.s(), 'lamp', pg_temp.v(0))$$, $$VALUES ('Desk lamp', 1, 3), ('Blue mug', NULL, 1), ('Red mug', NULL, 2)$$, 'words and vector together');
SELECT results_eq($$SELECT title FROM search.hybrid(pg_temp.s(), 'lammp')$$, $$VALUES ('Desk lamp')$$, 'mistyped, too');
SELECT is_empty($$SELECT * FROM search.hybrid(pg_temp.s(2), 'lamp')$$, 'another shop has no lamp');
SELECT throws_ok($$SELECT * FROM search.hybrid(NULL, 'lamp')$$, 'NA002', NULL, 'nor has no shop');
SELECT throws_ok('SELECT * FROM search.hybrid(pg_temp.s(), NULL)', 'NR003', NULL, 'something must be asked');
UPDATE shopify_products SET deleted_at = now(), deletion_reason = 'webhook' WHERE title = 'Blue mug';
SELECT results_eq('SELECT title FROM search.by_vector(pg_temp.s(), pg_temp.v(1))', $$VALUES ('Red mug'), ('Desk lamp')$$, 'what is deleted is not found');
SELECT results_eq($$SELECT title FROM search.hybrid(pg_temp.s(), 'mug', pg_temp.v(1), 1)$$, $$VALUES ('Red mug')$$, 'by neither');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(50);

CREATE FUNCTION pg_temp.v(p_first integer DEFAULT 1) RETURNS text LANGUAGE sql AS $f$ SELECT '[' || p_first || repeat(',0', 383) || ']' $f$;
CREATE FUNCTION pg_temp.states() RETURNS text LANGUAGE sql AS $f$
    SELECT string_agg(i.content || ' ' || i.status || ' ' || i.attempts, ', ' ORDER BY i.content) FROM embedding_items AS i WHERE i.model = 'all-minilm-l6-v2' AND i.kind = 'text'
$f$;

-- Free standing texts.
SELECT is(ai.request_vectors('{one,two,one,"",NULL}'), 2, 'texts are asked for, each once');
SELECT is(ai.request_vectors('{two,three}'), 1, 'what waits already is not new');
SELECT throws_ok($$SELECT ai.request_vectors('{one}', 'none')$$, 'NE001', NULL, 'only of models that there are');
SELECT is_empty($$SELECT * FROM ai.vectors_of('{one}')$$, 'there is no vector yet');
SELECT results_eq('SELECT kind, embedding_type, status, texts, tokens FROM ai.list_waiting()', $$VALUES ('text', 'text', 'pending', 3::bigint, 4::bigint)$$, 'three texts wait, with their tokens');
SELECT is_empty($$SELECT * FROM ai.list_waiting('text-embedding-3-small')$$, 'for one model');
SELECT is(ai.estimate_tokens(t), n, 'tokens of ' || coalesce(t, 'nothing'))
  FROM (VALUES ('', 0), ('a', 1), ('abc', 1), ('abcd', 2), ('ăîș', 2), (NULL, NULL)) AS x (t, n);

CREATE TEMP TABLE claimed AS SELECT * FROM ai.claim_texts('all-minilm-l6-v2', 100);
SELECT is((SELECT stored FROM claimed AS c, ai.store_vectors(ARRAY[c.custom_id], ARRAY[pg_temp.v(2)]) WHERE c.content = 'one'), 1, 'a vector comes');
SELECT results_eq($$SELECT content, (embedding::real[])[1:2] FROM ai.vectors_of('{one,two,none}')$$, $$VALUES ('one', '{1,0}'::real[])$$, 'and is there for who asks');
SELECT is(ai.request_vectors('{one}'), 0, 'and needs no other');
SELECT throws_ok($$SELECT * FROM ai.vectors_of('{one}', 'none')$$, 'NE001', NULL, 'of a model that is not there none can be had');

-- What brings none.
SELECT is((SELECT ai.fail_texts(array_agg(custom_id), array_agg('broken'::text)) FROM claimed WHERE content = 'two'), 1, 'a text brings no vector');
SELECT is(pg_temp.states(), 'three claimed 1, two pending 1', 'and waits again');
SELECT ok((SELECT available_at > now() + interval '1 minute' FROM embedding_items WHERE content = 'two'), 'for a while');
SELECT is((SELECT ai.fail_texts(array_agg(custom_id), array_agg('never'::text), false) FROM claimed WHERE content = 'three'), 1, 'one is never taken');
SELECT is(pg_temp.states(), 'three failed 1, two pending 1', 'and has failed');
SELECT is(ai.fail_texts('{nonsense,00000000-0000-7000-8000-000000000000-x}', '{a,b}'), 0, 'what nobody asked for is left out');
SELECT is((SELECT last_error FROM ai.list_waiting() WHERE status = 'failed'), 'never', 'why it failed is told');
SELECT results_eq($$SELECT name, waiting, failed FROM ai.list_models() WHERE is_default$$, $$VALUES ('all-minilm-l6-v2', 1::bigint, 1::bigint)$$, 'and counted by model');
INSERT INTO prod_master (internal_sku, canonical_title) VALUES ('w', 'Mug');
SELECT is((SELECT queued FROM ai.collect_texts('product')), 1, 'a record''s text is collected');
SELECT is((SELECT queued FROM ai.collect_texts('product')), 0, 'once');
SELECT is(ai.recheck_texts(), 1, 'all may be looked at again');
SELECT is((SELECT checked FROM ai.collect_texts('product')), 1, 'and are then');
SELECT matches(pg_temp.states(), 'three pending 0', 'what failed is tried again');
SELECT throws_ok($$SELECT ai.recheck_texts('none')$$, 'NE001', NULL, 'of a model that there is');

-- All at once.
INSERT INTO prod_attr_definitions (code, label, data_type) VALUES ('tap_colour', 'Colour', 'string');
DELETE FROM embedding_items;
DELETE FROM embedding_sweeps;
SELECT is((SELECT queued FROM ai.collect_due() WHERE is_complete), 1 + (SELECT count(*) FROM prod_attr_definitions), 'everything that is due is collected');
SELECT is((SELECT checked FROM ai.collect_due()), 0::bigint, 'and nothing is due then');
SELECT ok((SELECT checked > 0 AND queued = 0 FROM ai.collect_due(p_every => '0')), 'until its time comes; what is known is not collected again');
SELECT throws_ok($$SELECT * FROM ai.collect_due('none')$$, 'NE001', NULL, 'of a model that there is');


-- Of a shop.
SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{}');
INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, vendor, product_type, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/1', 1, 'Blue mug', 'Acme', 'Mugs', 'mug', 'ACTIVE');
SELECT is((SELECT queued FROM ai.collect_due()), 1::bigint, 'a shop''s product is due by itself');
SELECT results_eq($$SELECT kind::text, content FROM embedding_items WHERE shop_id IS NOT NULL$$, $$VALUES ('shop_product', E'Blue mug\nAcme\nMugs')$$, 'with its vendor and type');

-- Batches of texts.
SELECT is(ai.begin_text_batch('openai'), NULL, 'what the local model does waits for no provider');
SELECT is(ai.request_vectors('{a1,a2,a3}', 'text-embedding-3-small'), 3, 'texts for a provider');
SELECT is(ai.begin_text_batch('openai', 4), NULL, 'wait until they are enough');
CREATE TEMP TABLE batch AS SELECT ai.begin_text_batch('openai', 3) AS id;
SELECT is((SELECT total_items FROM embedding_batches AS e JOIN batch USING (id)), 3, 'and go together then');
SELECT is(ai.begin_text_batch('openai'), NULL, 'once');
SELECT is((SELECT ai.release_texts(id, p_forgive => true) FROM batch), 3, 'when the batch fails they are free');
SELECT is((SELECT ai.release_texts(id) FROM batch), 0, 'once');
SELECT is((SELECT sum(attempts) FROM embedding_items WHERE model = 'text-embedding-3-small'), 0::bigint, 'and it was not their fault');
SELECT ok(ai.begin_text_batch('openai') IS NOT NULL, 'they go again');

-- Models.
SELECT ai.use_model('text-embedding-3-small');
SELECT is((SELECT array_agg(name) FROM ai.list_models() WHERE is_default), '{text-embedding-3-small}', 'one model is in use');
SELECT throws_ok($$SELECT ai.use_model('none')$$, 'NE001', NULL, 'one that there is');
SELECT results_eq($$SELECT regexp_replace(s, '^(\w+ INDEX CONCURRENTLY).*', '\1') FROM ai.index_statements('all-minilm-l6-v2', true) AS s GROUP BY 1$$, $$VALUES ('REINDEX INDEX CONCURRENTLY')$$, 'indexes that are there are built anew when asked for');
SELECT ok((SELECT bool_and(s LIKE 'CREATE INDEX CONCURRENTLY %') AND count(*) > 0 FROM ai.index_statements('text-embedding-3-large') AS s), 'those that lack are made');
SELECT throws_ok($$SELECT ai.index_statements('none')$$, 'NE001', NULL, 'for a model that there is');

SELECT * FROM finish();
ROLLBACK;

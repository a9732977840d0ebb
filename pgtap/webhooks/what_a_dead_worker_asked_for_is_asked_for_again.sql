BEGIN;
SELECT plan(9);

INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{}'),
       ('00000000-0000-7000-8000-0000000000a2', 'two.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{}');
INSERT INTO neanelu.mirror_fetches (shop_id, resource, object_id, wanted_at, due_at)
SELECT s.id, 'products', n, now(), now() - interval '1 second' FROM neanelu.shops AS s, generate_series(1, 3) AS n;
CREATE FUNCTION pg_temp.claim(p_shop text) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT (webhooks.claim_fetches(('00000000-0000-7000-8000-0000000000' || p_shop)::uuid, 10)).object_ids
$$;

SELECT is(pg_temp.claim('a1'), '{1,2,3}', 'a worker claims what is wanted');
SELECT is(pg_temp.claim('a2'), '{1,2,3}', 'of each shop');
SELECT is(pg_temp.claim('a1'), NULL, 'which nobody else gets meanwhile');
SELECT lives_ok($$SELECT webhooks.forget_claims('00000000-0000-7000-8000-0000000000a1')$$, 'the worker is gone');
SELECT is(pg_temp.claim('a1'), '{1,2,3}', 'the next one gets it at once');
SELECT is(pg_temp.claim('a2'), NULL, 'other shops'' claims stand');

-- Comparisons.
ALTER TABLE neanelu.sync_checkpoints DISABLE TRIGGER USER;  -- they advance with runs only
INSERT INTO neanelu.sync_checkpoints (shop_id, resource_type, last_full_snapshot_at, last_sync_at)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'products', now() - interval '1 day', now() - interval '1 day');
SELECT isnt_empty($$SELECT * FROM webhooks.begin_comparison('00000000-0000-7000-8000-0000000000a1', 'products')$$, 'a comparison');
SELECT ok((SELECT clock_timestamp() - m.horizon BETWEEN '299 s' AND '330 s' FROM neanelu.mirror_comparisons AS m WHERE m.status = 'running'),
          'leaves five minutes out, whose webhooks may be on their way');
DO $$ BEGIN PERFORM webhooks.begin_comparison('00000000-0000-7000-8000-0000000000a1', 'products', '0'); END $$;
SELECT ok((SELECT clock_timestamp() - m.horizon BETWEEN '0 s' AND '30 s' FROM neanelu.mirror_comparisons AS m WHERE m.status = 'running'),
          'or nothing, where none can be');

SELECT * FROM finish();
ROLLBACK;

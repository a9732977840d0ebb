BEGIN;
SELECT plan(13);

INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{}');
CREATE FUNCTION pg_temp.product(p_at text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"id": "gid://shopify/Product/1", "legacyResourceId": "1", "title": "T", "handle": "t", "status": "ACTIVE", "tags": [], "options": [], "updatedAt": "%s"}', p_at)
$$;
CREATE FUNCTION pg_temp.variant(p_n integer) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"id": "gid://shopify/ProductVariant/1%1$s", "legacyResourceId": "1%1$s", "title": "V", "price": "1.00", "selectedOptions": [],
                    "updatedAt": "2026-11-01T00:00:00Z", "__parentId": "gid://shopify/Product/1"}', p_n)
$$;
CREATE FUNCTION pg_temp.field(p_value text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"id": "gid://shopify/Metafield/5", "namespace": "a", "key": "b", "type": "t", "value": "%s", "__parentId": "gid://shopify/Product/1"}', p_value)
$$;
CREATE FUNCTION pg_temp.answer(p_asked bigint[], VARIADIC p_lines text[]) RETURNS jsonb LANGUAGE sql AS
$$ SELECT webhooks.apply_fetched('00000000-0000-7000-8000-0000000000a1', 'products', p_asked, p_lines, clock_timestamp()) $$;
CREATE FUNCTION pg_temp.living() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT string_agg(p.legacy_resource_id::text || (p.metafields #>> '{a.b,value}'), ' ') FROM neanelu.shopify_products AS p WHERE p.deleted_at IS NULL),
                     (SELECT string_agg(v.legacy_resource_id::text, ' ' ORDER BY 1) FROM neanelu.shopify_variants AS v WHERE v.deleted_at IS NULL))
$$;

SELECT is(pg_temp.answer('{1,2}', pg_temp.product('2026-11-01T00:00:00Z'), pg_temp.field('x'), pg_temp.variant(1), pg_temp.variant(2)),
          '{"resource": "products", "asked": 2, "written": 3, "deleted": 0, "refused": 0}', 'one of two exists');
SELECT is(pg_temp.living(), '1x 11 12', 'with metafield and variants');
SELECT is(pg_temp.answer('{1}', pg_temp.product('2026-11-01T00:00:00Z'), pg_temp.field('x'), pg_temp.variant(1), pg_temp.variant(2)) ->> 'written', '0', 'the same again is no change');
SELECT is(pg_temp.answer('{1}', pg_temp.product('2026-11-01T00:00:00Z'), pg_temp.field('y'), pg_temp.variant(1)) ->> 'written', '1', 'a metafield changed, a variant is gone');
SELECT is(pg_temp.living(), '1y 11', 'and so they are');
SELECT is(pg_temp.answer('{1}', pg_temp.product('2026-10-01T00:00:00Z'), pg_temp.field('z')) ->> 'written', '0', 'an answer that is older than the mirror');
SELECT is(pg_temp.living(), '1y 11', 'does not count, not by what it lacks either');
SELECT is(pg_temp.answer('{1}', pg_temp.product('2026-11-02T00:00:00Z'), pg_temp.field('z'), pg_temp.variant(1), replace(pg_temp.variant(3), '1.00', 'one')) ->> 'written', '1',
          'of a bad line the rest is taken');
SELECT is(pg_temp.living(), '1z 11', 'and nothing judged gone');
SELECT is(pg_temp.answer(p_asked => '{1}', VARIADIC p_lines => '{}') ->> 'deleted', '1', 'what does not exist');
SELECT is(pg_temp.living(), '', 'is gone with all its parts');
SELECT is(pg_temp.answer('{1}', pg_temp.product('2026-11-02T00:00:00Z'), pg_temp.variant(1)) ->> 'written', '2', 'and lives when it is there again');
SELECT is((SELECT count(*) FROM neanelu.bulk_lines) + (SELECT count(*) FROM neanelu.staging_variants), 0::bigint, 'nothing is left lying');

SELECT * FROM finish();
ROLLBACK;

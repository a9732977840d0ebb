BEGIN;
SELECT plan(16);

INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{}');
CREATE FUNCTION pg_temp.send(p_topic text, p_payload jsonb, p_at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    WITH event AS (
        INSERT INTO neanelu.webhook_events (shop_id, topic, payload, hmac_verified, triggered_at, received_at)
        VALUES ('00000000-0000-7000-8000-0000000000a1', p_topic, p_payload, true, p_at, '2026-11-20') RETURNING id, created_at)
    SELECT w.o FROM event AS e, LATERAL (SELECT jsonb_build_object('event_id', e.id, 'event_created_at', e.created_at)) AS w (o)
$$ ;
CREATE FUNCTION pg_temp.outcome(p_topic text, p_payload jsonb, p_at timestamptz DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_job constant jsonb := pg_temp.send(p_topic, p_payload, p_at);
BEGIN
    RETURN webhooks.process('00000000-0000-7000-8000-0000000000a1', v_job) ->> 'outcome';
END
$$;
CREATE FUNCTION pg_temp.customer(p_at text, p_name text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_build_object('id', 7, 'first_name', p_name, 'updated_at', p_at, 'addresses', '[]'::jsonb) $$;
CREATE FUNCTION pg_temp.names() RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(c.first_name || coalesce(' ' || c.deletion_reason, ''), ',') FROM neanelu.shopify_customers AS c $$;

SELECT is(pg_temp.outcome('customers/update', pg_temp.customer('2026-11-01T10:00:00+02:00', 'Ana')), 'applied', 'a customer comes');
SELECT is(pg_temp.outcome('customers/update', pg_temp.customer('2026-11-01T08:00:00Z', 'Ana')), 'unchanged', 'and comes again, as it is in another time zone');
SELECT is(pg_temp.outcome('customers/create', pg_temp.customer('2026-10-01T08:00:00Z', 'Anna')), 'stale', 'what is older is late');
SELECT is(pg_temp.names(), 'Ana', 'and changes nothing');
SELECT is(pg_temp.outcome('customers/delete', '{"id": 7}', '2026-10-15'), 'stale', 'so is a deletion that was before the last change');
SELECT is(pg_temp.outcome('customers/delete', '{"id": 7}', '2026-11-02'), 'applied', 'one after it');
SELECT is(pg_temp.names(), 'Ana webhook', 'is true');
SELECT is(pg_temp.outcome('customers/update', pg_temp.customer('2026-11-01T23:00:00Z', 'Late')), 'stale', 'a change that was before it is late');
SELECT is(pg_temp.outcome('customers/delete', '{"id": 7}', '2026-11-02'), 'applied', 'the deletion may come twice');
SELECT is(pg_temp.names(), 'Ana webhook', 'nothing brings the customer back');
SELECT is(pg_temp.outcome('customers/create', pg_temp.customer('2026-11-03T00:00:00Z', 'New')), 'applied', 'but what came after it');
SELECT is(pg_temp.names(), 'New', 'does');
SELECT is(pg_temp.outcome('orders/delete', '{"id": 9}', '2026-11-05'), 'applied', 'an order is gone before it came');
SELECT is(pg_temp.outcome('orders/create', '{"id": 9, "name": "#9", "order_number": 9, "total_price": "1.00", "currency": "RON", "line_items": [], "updated_at": "2026-11-04T00:00:00Z"}'),
          'stale', 'and does not come any more');
SELECT is_empty('SELECT FROM neanelu.shopify_orders', 'there is none');
SELECT is((SELECT count(*) FROM neanelu.webhook_events WHERE processed_at IS NULL), 0::bigint, 'all were processed');

SELECT * FROM finish();
ROLLBACK;

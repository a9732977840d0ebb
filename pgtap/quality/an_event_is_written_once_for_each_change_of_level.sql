BEGIN;
SELECT plan(14);

DELETE FROM prod_quality_rules WHERE channel IS NULL AND level <> 'review_needed';
INSERT INTO prod_quality_rules (level, required_fields) VALUES ('silver', '{brand}'), ('golden', '{brand,gtin}');
INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES ('00000000-0000-7000-8000-00000000000a', 'ev', 'T');
INSERT INTO prod_quality_endpoints (id, name, url, event_types) VALUES
  ('00000000-0000-7000-8000-000000000201', 'all_of_them', 'https://a.example/x', '{quality_promoted,quality_demoted,review_requested}'),
  ('00000000-0000-7000-8000-000000000202', 'falls', 'https://b.example/x', '{quality_demoted}'),
  ('00000000-0000-7000-8000-000000000203', 'asleep', 'https://c.example/x', '{quality_promoted}');
UPDATE prod_quality_endpoints SET is_active = false WHERE name = 'asleep';
CREATE FUNCTION pg_temp.jobs() RETURNS bigint LANGUAGE sql AS $f$ SELECT count(*) FROM job_runs WHERE job_name = 'quality.notify' $f$;

SELECT is(pim.score('{00000000-0000-7000-8000-00000000000a}'), 1, 'one product looked at');
SELECT is((SELECT count(*) FROM prod_quality_events), 0::bigint, 'bronze it was and bronze it is');
UPDATE prod_master SET brand = 'B', gtin = '05901234123457' WHERE internal_sku = 'ev';
SELECT pim.score('{00000000-0000-7000-8000-00000000000a,00000000-0000-7000-8000-00000000000a,00000000-0000-7000-8000-0000000000ff}');
SELECT is((SELECT array_agg(event_type || ' ' || previous_level || ' ' || new_level || ' ' || trigger_reason) FROM prod_quality_events),
          '{quality_promoted bronze golden auto_enrichment}', 'a rise, over two levels, is one event');
SELECT is((SELECT is_wanted FROM prod_quality_signals), false, 'listeners are notified');
SELECT is(pg_temp.jobs(), 1::bigint, 'one address wants it: one job');
SELECT pim.score('{00000000-0000-7000-8000-00000000000a}');
SELECT is((SELECT count(*) FROM prod_quality_events), 1::bigint, 'scored again, nothing has changed');
UPDATE prod_master SET brand = NULL WHERE internal_sku = 'ev';
SELECT pim.score('{00000000-0000-7000-8000-00000000000a}', 'manual_review');
SELECT is((SELECT event_type || ' ' || trigger_reason FROM prod_quality_events ORDER BY id DESC LIMIT 1), 'quality_demoted manual_review', 'a fall is an event, too');
SELECT is(pg_temp.jobs(), 3::bigint, 'two addresses want that');
SELECT is((SELECT count(*) FROM pim.quality_events()), 2::bigint, 'a listener reads them');
SELECT is((SELECT is_wanted FROM prod_quality_signals), true, 'and the next event notifies again');

SELECT is(pim.record_delivery(e.id, '00000000-0000-7000-8000-000000000201', 500, 'answered 500'), 'pending', 'an address that fails is owed the event still')
  FROM prod_quality_events AS e WHERE e.event_type = 'quality_demoted';
SELECT pim.record_delivery(e.id, '00000000-0000-7000-8000-000000000201', 200, NULL) FROM prod_quality_events AS e WHERE e.event_type = 'quality_demoted';
SELECT is((SELECT webhook_sent FROM prod_quality_events WHERE event_type = 'quality_demoted'), false, 'told to one of two: not yet sent');
SELECT pim.record_delivery(e.id, '00000000-0000-7000-8000-000000000202', 204, NULL) FROM prod_quality_events AS e WHERE e.event_type = 'quality_demoted';
SELECT is((SELECT webhook_sent AND webhook_sent_at IS NOT NULL FROM prod_quality_events WHERE event_type = 'quality_demoted'), true, 'told to both: sent');
SELECT pim.record_delivery(e.id, '00000000-0000-7000-8000-000000000201', 410, 'gone') FROM prod_quality_events AS e WHERE e.event_type = 'quality_promoted';
SELECT is((SELECT is_active FROM prod_quality_endpoints WHERE name = 'all_of_them'), false, 'an address that is gone gets nothing more');

SELECT * FROM finish();
ROLLBACK;

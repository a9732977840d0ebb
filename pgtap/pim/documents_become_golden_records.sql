BEGIN;
SELECT plan(53);

CREATE FUNCTION pg_temp.id(p_name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-' || left(md5(p_name), 12))::uuid $f$;
INSERT INTO prod_sources (id, name, source_type, trust_score) VALUES (pg_temp.id('one'), 'one', 'MANUFACTURER', 0.95), (pg_temp.id('two'), 'two', 'SUPPLIER', 0.3);
INSERT INTO prod_attr_definitions (code, label, data_type) VALUES ('colour', 'Colour', 'string');
CREATE FUNCTION pg_temp.work() RETURNS jsonb LANGUAGE plpgsql AS $f$
DECLARE
    v_done jsonb := '{"read": 0, "sessions": 0, "products": 0}';
    v_some jsonb;
BEGIN
    WHILE pim.is_waiting() LOOP
        v_some := pim.process(2);
        v_done := (SELECT jsonb_object_agg(k, (v_done ->> k)::integer + (v_some ->> k)::integer) FROM unnest('{read,sessions,products}'::text[]) AS k);
    END LOOP;
    RETURN v_done;
END
$f$;
CREATE FUNCTION pg_temp.mug() RETURNS uuid LANGUAGE sql AS $f$ SELECT pim.find('4006381333931') $f$;

-- The factory.
SELECT ok(NOT pim.is_waiting(), 'nothing waits');
SELECT is(pim.process(), '{"read": 0, "sessions": 0, "products": 0}', 'and nothing is done');
SELECT harvest.store_many(pg_temp.id('one'), '[{"source_product_id": "1", "json": {"name": "Blue mug", "brand": "Acme", "gtin": "4006381333931", "attributes": {"Colour": "blue"}}},
    {"source_product_id": "2", "json": {"name": "Acme green bowl", "brand": "Acme", "mpn": "BWL-2000X", "attributes": {"Colour": "green"}}}]');
SELECT harvest.store_many(pg_temp.id('two'), '[{"source_product_id": "x", "json": {"name": "Mug, blue", "brand": "Acme", "gtin": "4006381333931", "attributes": {"Colour": "navy"}}}]');
SELECT ok(pim.is_waiting(), 'documents wait');
SELECT is(pim.factory_status() - 'oldest', '{"documents": 3, "readings": 0, "products": 0, "failed": 0, "last_error": null}', 'the status counts them');
SELECT is(pg_temp.work() - 'products', '{"read": 3, "sessions": 3}', 'each is read once and becomes a reading');
SELECT is(pim.factory_status() - 'oldest', '{"documents": 0, "readings": 0, "products": 0, "failed": 0, "last_error": null}', 'then nothing waits');
SELECT is((SELECT count(*) FROM prod_master), 2::bigint, 'of two products, one of them of two sources');
SELECT results_eq($$SELECT r -> 'products', r -> 'said_by_several', r -> 'documents', r -> 'duplicates' FROM pim.factory_report() AS r$$, $$VALUES ('2'::jsonb, '1'::jsonb, '{"processed": 3}'::jsonb, '0'::jsonb)$$, 'the report says so');
SELECT is(pim.request_decisions(ARRAY(SELECT id FROM prod_master) || pg_temp.id('none')), 2, 'a decision can be asked for anew');
SELECT is(pg_temp.work(), '{"read": 0, "sessions": 0, "products": 2}', 'and is made');
SELECT is((SELECT max(version) FROM prod_specs_normalized), 1, 'the same again is no new version');
INSERT INTO factory_products (product_id, failed_at, error_code, error_message) SELECT id, now(), 'XX000', 'broken' FROM prod_master;
SELECT results_eq($$SELECT s ->> 'failed', s ->> 'last_error' FROM pim.factory_status() AS s$$, $$VALUES ('2', 'XX000: broken')$$, 'what was set aside is told');
SELECT ok(NOT pim.is_waiting(), 'and does not wait');
SELECT is(pim.retry_failed(1) + pim.retry_failed() + pim.retry_failed(), 2, 'it can be tried again, once');
SELECT is(pg_temp.work() ->> 'products', '2', 'and is');

-- Propose.
SELECT is((SELECT pim.propose(ARRAY[e.id], ARRAY[pg_temp.mug()]) FROM prod_extraction_sessions AS e WHERE e.extracted_specs ->> 'title' = 'Mug, blue'), 0, 'a reading that was proposed is proposed once');
SELECT throws_ok($$SELECT pim.propose(ARRAY[pg_temp.id('a')], '{}')$$, 'NC008', NULL, 'readings and records come in pairs');
SELECT throws_ok($$SELECT pim.propose(ARRAY[pg_temp.id('a')], ARRAY[pg_temp.id('none')])$$, 'NC002', NULL, 'of records that there are');
SELECT is(pim.propose('{}', '{}'), 0, 'no readings say nothing');
SELECT is(pim.request_readings(ARRAY(SELECT id FROM prod_extraction_sessions) || pg_temp.id('none')), 3, 'readings can be asked to be proposed anew');
SELECT is(pim.request_readings(ARRAY(SELECT id FROM prod_extraction_sessions)), 0, 'once while they wait');
SELECT is(pg_temp.work() - 'read', '{"sessions": 0, "products": 2}', 'for the records that they have');

-- What people look at.
SELECT throws_ok($$SELECT pim.find('nothing')$$, 'NQ008', NULL, 'what is not there is not found');
SELECT throws_ok($$SELECT pim.find(uuidv7()::text)$$, 'NQ008', NULL, 'not by an id either');
SELECT is((SELECT pim.find(m.internal_sku) FROM prod_master AS m WHERE m.id = pg_temp.mug()), pg_temp.mug(), 'a record is found by its SKU');
SELECT is((SELECT pim.find(pg_temp.mug()::text)), pg_temp.mug(), 'and by its id');
SELECT is(pim.show(pg_temp.mug()) #>> '{fields,brand,value}', 'Acme', 'it is shown with its values');
SELECT is(pim.show(pg_temp.mug()) #> '{fields,brand,sources}', '["one", "two"]', 'and who says so');
SELECT is(pim.show(pg_temp.id('none')), NULL, 'what is not there is not shown');
SELECT results_eq('SELECT product_id, field_path, claims, sources FROM pim.most_disputed(9)', $$VALUES (pg_temp.mug(), 'specs.colour', 2, 2)$$, 'what sources disagree about is known');
SELECT is((SELECT jsonb_object_agg(level, l -> 'products') - 'golden' FROM jsonb_each(pim.quality_overview() -> 'levels') AS e (level, l) WHERE l ->> 'products' <> '0') IS NOT NULL, true, 'levels are counted');
SELECT is((pim.quality_overview() ->> 'sampled')::integer, 2, 'of all records');

-- People.
CREATE TEMP TABLE person AS SELECT pim.reviewer('Ana') AS id;
SELECT ok((SELECT pim.set_product_value(pg_temp.mug(), 'brand', '"Emca"', id) FROM person) IS NOT NULL, 'a person says what is right');
SELECT is((SELECT brand FROM prod_master WHERE id = pg_temp.mug()), 'Emca', 'and it is');
SELECT ok((SELECT last_quality_check = now() FROM prod_master WHERE id = pg_temp.mug()), 'the record is scored with it');
SELECT throws_ok($$SELECT pim.set_product_value(pg_temp.mug(), 'nonsense', '1', pg_temp.id('x'))$$, 'NC007', NULL, 'a field that there is not is refused');
SELECT throws_ok($$SELECT pim.set_product_value(pg_temp.id('none'), 'brand', '"x"', pg_temp.id('x'))$$, 'NC002', NULL, 'so is a record');
SELECT results_eq('SELECT version, is_current, changes -> ''brand'' FROM pim.history(pg_temp.mug())',
    $$VALUES (2, true, '{"from": "Acme", "to": "Emca"}'::jsonb), (1, false, '{"from": null, "to": "Acme"}')$$, 'the history has what changed');
SELECT is_empty('SELECT * FROM pim.history(pg_temp.id(''none''))', 'of nothing there is none');
SELECT is((SELECT pim.restore_product(pg_temp.mug(), 1, id) FROM person), 3, 'an old version comes back as a new one');
SELECT is((SELECT brand FROM prod_master WHERE id = pg_temp.mug()), 'Acme', 'with what it said');
SELECT throws_ok($$SELECT pim.restore_product(pg_temp.mug(), 99, pg_temp.id('x'))$$, 'NC006', NULL, 'one that never was does not');
INSERT INTO prod_proposals (id, product_id, field_path, proposed_value, source_id, confidence_score) VALUES (pg_temp.id('p'), pg_temp.mug(), 'mpn', '"X1"', pg_temp.id('one'), 0.9);
SELECT is(pim.review_kind(pg_temp.id('p')), 'proposal', 'an id is a proposal''s');
SELECT throws_ok($$SELECT pim.review_kind(uuidv7())$$, 'NQ004', NULL, 'or nothing''s');
SELECT is_empty('SELECT * FROM pim.review_log()', 'nobody reviewed anything');
SELECT pim.decide_review('proposal', pg_temp.id('p'), 'approve', id, 'on the box') FROM person;
SELECT results_eq('SELECT reviewer, item_kind, item_id, decision, notes, undone_at FROM pim.review_log()', $$VALUES ('Ana', 'proposal', pg_temp.id('p'), 'approve', 'on the box', NULL::timestamptz)$$, 'now somebody did');
SELECT is_empty('SELECT * FROM pim.review_log(pim.reviewer(''Ben''))', 'not Ben');

-- Quality and trust.
SELECT is(pim.rescore(), 0, 'what was scored just now is not scored again');
UPDATE prod_master SET last_quality_check = now() - interval '31 days';
SELECT is(pim.rescore(1) + pim.rescore(), 2, 'after a month it is');
SELECT throws_ok($$SELECT pim.unpin_trust(pg_temp.id('none'))$$, 'NC009', NULL, 'a source that was never pinned');
SELECT pim.pin_trust(pg_temp.id('one'), 0.3, pg_temp.id('x'));
SELECT is((SELECT is_pinned FROM prod_source_trust WHERE source_id = pg_temp.id('one')), true, 'a source is pinned');
SELECT pim.unpin_trust(pg_temp.id('one'));
SELECT is((SELECT is_pinned FROM prod_source_trust WHERE source_id = pg_temp.id('one')), false, 'and learns again');
SELECT lives_ok($$SELECT pim.unpin_trust(pg_temp.id('one'))$$, 'which can be said twice');

SELECT * FROM finish();
ROLLBACK;

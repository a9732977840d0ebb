BEGIN;
SELECT plan(26);

CREATE FUNCTION pg_temp.id(p_name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-' || left(md5(p_name), 12))::uuid $f$;
INSERT INTO prod_sources (id, name, source_type) VALUES (pg_temp.id('one'), 'one', 'SUPPLIER'), (pg_temp.id('two'), 'two', 'SUPPLIER');
CREATE FUNCTION pg_temp.read(p_name text, p_source text, p_specs jsonb) RETURNS uuid LANGUAGE sql AS $f$
    INSERT INTO prod_raw_harvest (id, source_id, source_url, source_product_id, raw_json, content_hash) VALUES (pg_temp.id(p_name || ' page'), pg_temp.id(p_source), 'feed:' || p_name, p_name, '{}', repeat('0', 64));
    INSERT INTO prod_extraction_sessions (id, harvest_id, harvest_fetched_at, agent_version, extracted_specs)
    VALUES (pg_temp.id(p_name), pg_temp.id(p_name || ' page'), now(), 'tap', p_specs) RETURNING id
$f$;
SELECT pg_temp.read('mug', 'one', '{"title": "Acme Mug MG-4711X blue", "brand": "Acme", "mpn": "MG-4711X", "gtin": "4006381333931"}'),
       pg_temp.read('same mug', 'two', '{"title": "Mug MG-4711X by Acme, blue", "brand": "Acme", "mpn": "MG-4711X", "gtin": "4006381333931"}'),
       pg_temp.read('lamp', 'two', '{"title": "Luxo oak desk lamp", "brand": "Luxo"}');
CREATE FUNCTION pg_temp.matched(VARIADIC p_names text[]) RETURNS SETOF text LANGUAGE sql AS $f$
    SELECT m.decision FROM matching.match_sessions(ARRAY(SELECT pg_temp.id(n) FROM unnest(p_names) AS n)) AS m JOIN unnest(p_names) WITH ORDINALITY AS u (name, n) ON pg_temp.id(u.name) = m.session_id ORDER BY u.n
$f$;

-- Readings.
SELECT is_empty($$SELECT * FROM matching.match_sessions('{}')$$, 'no readings match nothing');
SELECT results_eq($$SELECT * FROM pg_temp.matched('mug', 'lamp')$$, $$VALUES ('created'), ('created')$$, 'what nobody spoke of is a new record');
SELECT is((SELECT count(*) FROM prod_master), 2::bigint, 'each its own');
CREATE TEMP TABLE link AS SELECT session_id, product_id FROM prod_match_links;
SELECT bag_eq($$SELECT session_id, product_id FROM matching.match_sessions(ARRAY[pg_temp.id('mug'), pg_temp.id('lamp')])$$, 'SELECT * FROM link', 'the same readings again keep theirs');
SELECT bag_eq($$SELECT session_id, product_id FROM matching.find_links(ARRAY[pg_temp.id('mug'), pg_temp.id('lamp'), pg_temp.id('same mug')])$$, 'SELECT * FROM link', 'which can be looked up; who was not matched yet has none');
SELECT results_eq($$SELECT m.product_id, m.decision FROM matching.match_sessions(ARRAY[pg_temp.id('same mug')]) AS m$$, $$SELECT product_id, 'matched' FROM link WHERE session_id = pg_temp.id('mug')$$,
     'another source''s word of the same product finds its record');
SELECT is((SELECT count(*) FROM prod_master), 2::bigint, 'and makes none');
SELECT is_empty('SELECT * FROM matching.match_sessions(ARRAY[uuidv7()])', 'a reading that is not there matches nothing');

-- People.
INSERT INTO prod_master (id, internal_sku, canonical_title) SELECT pg_temp.id('p' || n), 'p' || n, 'Chair ' || n FROM generate_series(1, 7) AS n;
CREATE FUNCTION pg_temp.suggest(VARIADIC p_names text[]) RETURNS uuid LANGUAGE plpgsql AS $f$
DECLARE
    v_id uuid;
BEGIN
    INSERT INTO prod_dedupe_clusters (match_criteria, cluster_type, member_count, confidence_score, canonical_product_id)
    VALUES ('{"model": "evidence/1"}', 'FUZZY', cardinality(p_names), 0.8, pg_temp.id(p_names[1])) RETURNING id INTO v_id;
    INSERT INTO prod_dedupe_cluster_members (cluster_id, product_id, is_canonical) SELECT v_id, pg_temp.id(n), n = p_names[1] FROM unnest(p_names) AS n;
    RETURN v_id;
END
$f$;
CREATE FUNCTION pg_temp.state(p_cluster uuid) RETURNS text LANGUAGE sql AS $f$ SELECT status::text FROM prod_dedupe_clusters WHERE id = p_cluster $f$;
CREATE TEMP TABLE c AS SELECT pg_temp.suggest('p1', 'p2') AS yes, pg_temp.suggest('p3', 'p4') AS no, pg_temp.suggest('p5', 'p6', 'p7') AS three;
SELECT throws_ok($$SELECT matching.decide_cluster(yes, 'maybe') FROM c$$, 'NM005', NULL, 'a cluster is approved or rejected');
SELECT throws_ok($$SELECT matching.decide_cluster(uuidv7(), 'approve')$$, 'NM001', NULL, 'one that there is');
SELECT throws_ok($$SELECT matching.decide_cluster(three, 'approve', NULL, NULL, pg_temp.id('p3')) FROM c$$, 'NM003', NULL, 'with its own members');
SELECT isnt((SELECT matching.decide_cluster(three, 'reject', NULL, NULL, pg_temp.id('p6')) FROM c), (SELECT three FROM c), 'one of several gets a cluster of its own');
SELECT results_eq($$SELECT pg_temp.state(three), member_count FROM c JOIN prod_dedupe_clusters AS d ON d.id = three$$, $$VALUES ('pending', 2)$$, 'the others wait on');
INSERT INTO prod_similarity_matches (product_id, source_url, similarity_score, match_method, match_details) VALUES (pg_temp.id('p1'), 'feed:1', 0.8, 'title_fuzzy', jsonb_build_object('decided_for', pg_temp.id('p2')));
SELECT lives_ok($$SELECT matching.decide_cluster(yes, 'approve', pg_temp.id('ana'), 'the same chair') FROM c$$, 'a person says that two are one');
SELECT results_eq('SELECT match_confidence::text, validated_by, validation_notes FROM prod_similarity_matches WHERE source_url = ''feed:1''', $$VALUES ('confirmed', pg_temp.id('ana'), 'the same chair')$$, 'which the match says, too');
SELECT is((SELECT count(*) FROM prod_master WHERE dedupe_status = 'duplicate' AND id IN (pg_temp.id('p1'), pg_temp.id('p2'))), 1::bigint, 'and they are');
SELECT throws_ok($$SELECT matching.decide_cluster(yes, 'reject') FROM c$$, 'NM002', NULL, 'it is decided once');
SELECT lives_ok($$SELECT matching.decide_cluster(no, 'reject', pg_temp.id('ana')) FROM c$$, 'or that they are two');
SELECT is((SELECT count(*) FROM prod_master WHERE dedupe_status = 'duplicate'), 1::bigint, 'then nothing is merged');
SELECT is((SELECT pg_temp.state(no) FROM c), 'rejected', 'the cluster says so');
SELECT throws_ok($$SELECT matching.merge(no) FROM c$$, 'NM002', NULL, 'and is not merged later');
SELECT is((SELECT matching.undo(no) FROM c), 1, 'a person may take it back');
SELECT is((SELECT pg_temp.state(no) FROM c), 'pending', 'and it waits again');
SELECT is((SELECT matching.undo(yes) FROM c), 2, 'the other, too: decision and merge');
SELECT is((SELECT count(*) FROM prod_master WHERE dedupe_status = 'duplicate'), 0::bigint, 'all chairs are there');
SELECT throws_ok($$SET LOCAL ROLE neanelu_tenant; SELECT matching.decide_cluster(uuidv7(), 'approve')$$, '42501', NULL, 'tenants decide nothing');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(36);

CREATE FUNCTION pg_temp.id(p_n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-00000000000' || p_n)::uuid $f$;
INSERT INTO prod_master (id, internal_sku, canonical_title, brand, mpn, gtin) VALUES
    (pg_temp.id(1), 'm1', 'Sonix DAV-HDX576WF home theatre', 'Sonix', 'DAVHDX576WF', '04006381333931'),
    (pg_temp.id(2), 'm2', 'Sonix home theatre DAV-HDX576WF', 'Sonix', 'DAVHDX576WF', '04006381333931'),
    (pg_temp.id(3), 'm3', 'Acme desk lamp oak', 'Acme', NULL, NULL);
CREATE FUNCTION pg_temp.duplicates() RETURNS text LANGUAGE sql AS $f$ SELECT string_agg(internal_sku, ',' ORDER BY internal_sku) FROM prod_master WHERE dedupe_status = 'duplicate' $f$;
CREATE FUNCTION pg_temp.cluster() RETURNS uuid LANGUAGE sql AS $f$ SELECT id FROM prod_dedupe_clusters ORDER BY id LIMIT 1 $f$;

-- What products are found by.
SELECT is_empty($$SELECT * FROM matching.candidates('Sonix DAV-HDX576WF')$$, 'nothing is found before it has keys');
SELECT is(matching.refresh_keys(ARRAY[pg_temp.id(1), pg_temp.id(3), pg_temp.id(9)]), 2, 'records that there are get keys');
SELECT is(matching.refresh_keys(ARRAY[pg_temp.id(1), pg_temp.id(3)]), 2, 'or get them anew');
SELECT is(matching.refresh_keys('{}'), 0, 'none get none');
SELECT is(matching.fold_terms(1000000), 0::bigint, 'counts of terms wait until they are many');
SELECT ok(matching.fold_terms() > 0, 'unless nobody waits');
SELECT is(matching.fold_terms(), 0::bigint, 'once');
SELECT is((SELECT document_count FROM prod_match_terms WHERE term = 'lamp'), 1::bigint, 'a term is counted once a record');
SELECT results_eq($$SELECT product_id, sufficient FROM matching.candidates('Home theatre', 'Sonix', 'DAV-HDX576WF', '4006381333931')$$, 'VALUES (pg_temp.id(1), true)', 'the same brand, number and GTIN are the same product');
SELECT is_empty($$SELECT * FROM matching.candidates('Acme desk lamp oak', 'Acme') WHERE product_id = pg_temp.id(1)$$, 'another is no candidate');
SELECT is_empty($$SELECT * FROM matching.candidates(NULL)$$, 'nothing is like nothing');
SELECT results_eq($$SELECT f.item, f.title, (f.features).colours FROM matching.features_many('{"Red LAMP",NULL}', NULL, '{NULL,blue}') AS f ORDER BY 1$$,
    $$VALUES (1, 'red lamp', '{red}'::text[]), (2, '', '{blue}')$$, 'titles are taken apart together, with what attributes add');
SELECT is((SELECT (f.features).codes FROM matching.features_many('{Lamp}', '{AB12|x}') AS f), '{ab12}', 'and with numbers that stand elsewhere');
SELECT is_empty($$SELECT * FROM matching.features_many('{}')$$, 'no titles have none');

-- Found and merged by itself.
SELECT is(matching.rescan() ->> 'merged', '1', 'what is the same without doubt is merged');
SELECT ok(pg_temp.duplicates() IN ('m1', 'm2'), 'one of the two');
SELECT is(matching.rescan() ->> 'merged', '0', 'once');
SELECT is(matching.rescan(0) ->> 'products', '0', 'as many records at a time as asked');
SELECT is((SELECT count(*) FROM matching.candidates('Sonix DAV-HDX576WF home theatre', 'Sonix', 'DAVHDX576WF', '4006381333931')), 1::bigint, 'a duplicate is found no more');
CREATE TEMP TABLE merged AS SELECT id FROM prod_master WHERE dedupe_status = 'duplicate';

-- Taken apart.
SELECT throws_ok('SELECT matching.unmerge(uuidv7(), pg_temp.id(1))', 'NM001', NULL, 'a cluster that is not there');
SELECT throws_ok('SELECT matching.unmerge(pg_temp.cluster(), pg_temp.id(3))', 'NM003', NULL, 'or a record that was not merged in it');
SELECT throws_ok('SELECT matching.undo(uuidv7())', 'NM001', NULL, 'cannot be taken apart');
SELECT is(matching.undo(pg_temp.cluster()), 1, 'a merge is undone');
SELECT is(pg_temp.duplicates(), NULL, 'both records are there again');
SELECT throws_ok('SELECT matching.undo(pg_temp.cluster())', 'NM007', NULL, 'once');
SELECT matching.merge(pg_temp.cluster());
SELECT isnt(pg_temp.duplicates(), NULL, 'merged again');
SELECT lives_ok($$SELECT matching.unmerge(pg_temp.cluster(), (SELECT id FROM prod_master WHERE dedupe_status = 'duplicate'), NULL, 'another box')$$, 'a person takes them apart');
SELECT is(pg_temp.duplicates(), NULL, 'and they are');
SELECT is((SELECT rule FROM prod_match_rules WHERE low_id = pg_temp.id(1) AND high_id = pg_temp.id(2)), 'cannot', 'for good');
UPDATE prod_master SET updated_at = clock_timestamp();
SELECT is(matching.rescan() ->> 'merged', '0', 'nothing merges them again');

-- Thresholds.
SELECT is_empty($$SELECT * FROM matching.reviewed_pairs('none')$$, 'of a model that is not there nobody reviewed pairs');
SELECT throws_ok('SELECT * FROM matching.calibrate(p_precision => 0)', 'NM005', NULL, 'no precision is none');
SELECT throws_ok($$SELECT * FROM matching.calibrate('none')$$, 'NM005', NULL, 'no model has no thresholds');
DELETE FROM prod_similarity_matches;
SELECT results_eq($$SELECT c.merge_at, c.pairs FROM matching.calibrate() AS c$$, $$SELECT t.merge_at, 0 FROM prod_match_thresholds AS t WHERE t.model = 'evidence/1' AND t.taxonomy_id IS NULL$$, 'without reviewed pairs they stay');
INSERT INTO prod_similarity_matches (product_id, source_id, source_url, similarity_score, match_method, match_confidence, validated_at, match_details)
SELECT pg_temp.id(3), NULL, 'https://a.example/' || n, 0.9, 'title_fuzzy', CASE WHEN n = 1 THEN 'rejected' ELSE 'confirmed' END, now(), '{"model": "evidence/1"}' FROM generate_series(1, 3) AS n;
SELECT bag_eq($$SELECT * FROM matching.reviewed_pairs('evidence/1')$$, 'VALUES (0.9::numeric, true), (0.9, true), (0.9, false)', 'what people said about pairs is known');
SELECT is_empty($$SELECT * FROM matching.reviewed_pairs('evidence/1', uuidv7())$$, 'of a category, or of all');

SELECT * FROM finish();
ROLLBACK;

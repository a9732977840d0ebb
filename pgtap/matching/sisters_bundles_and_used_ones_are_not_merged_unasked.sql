BEGIN;
SELECT plan(24);

CREATE FUNCTION pg_temp.id(p_name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-' || left(md5(p_name), 12))::uuid $f$;
INSERT INTO prod_sources (id, name, source_type) VALUES (pg_temp.id('one'), 'one', 'SUPPLIER'), (pg_temp.id('two'), 'two', 'SUPPLIER');
CREATE FUNCTION pg_temp.read(p_source text, p_specs jsonb) RETURNS uuid LANGUAGE sql AS $f$
    INSERT INTO prod_raw_harvest (id, source_id, source_url, source_product_id, raw_json, content_hash)
    VALUES (pg_temp.id(p_source || p_specs), pg_temp.id(p_source), 'feed:' || p_source || p_specs, md5(p_specs::text), '{}', repeat('0', 64));
    INSERT INTO prod_extraction_sessions (id, harvest_id, harvest_fetched_at, agent_version, extracted_specs)
    VALUES (pg_temp.id(p_source || p_specs || 'read'), pg_temp.id(p_source || p_specs), now(), 'tap', p_specs) RETURNING id
$f$;
-- What becomes of the second of two offers when the first is a golden record.
CREATE FUNCTION pg_temp.fate(p_one jsonb, p_two jsonb) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM matching.match_sessions(ARRAY[pg_temp.read('one', p_one)]);
    RETURN (SELECT CASE m.decision WHEN 'matched' THEN 'merged' ELSE 'apart' END FROM matching.match_sessions(ARRAY[pg_temp.read('two', p_two)]) AS m);
END
$f$;
CREATE FUNCTION pg_temp.titles(p_one text, p_two text) RETURNS text LANGUAGE sql AS $f$
    SELECT pg_temp.fate(jsonb_build_object('title', p_one, 'brand', 'Zorba'), jsonb_build_object('title', p_two, 'brand', 'Zorba'))
$f$;

SELECT is(pg_temp.titles('Zorba ZX8841K Combi Drill 18V', 'Perforateur Zorba ZX8841K 18 V'), 'merged', 'one code and nothing against it is one product');
SELECT is(pg_temp.titles('Zorba TR2207 Jacket M', 'Zorba TR2207 Jacket XL'), 'apart', 'not another size by letters');
SELECT is(pg_temp.titles('Zorba TR2208 Jacket M', 'Geaca Zorba TR2208 marimea M'), 'merged', 'but the same size');
SELECT is(pg_temp.titles('Zorba SH5511 Shoes EU 42', 'Zorba SH5511 Shoes EU 43'), 'apart', 'not the next size by numbers');
SELECT is(pg_temp.titles('Zorba SH5512 Shoes EU 42', 'Zorba SH5512 Schuhe Größe 42'), 'merged', 'whatever the size is called');
SELECT is(pg_temp.titles('Zorba CP3314 Access Point', 'Zorba CP3314 Access Point 3-Pack'), 'apart', 'not three of it');
SELECT is(pg_temp.titles('Zorba Cola 6 x 330 ml CO6331', 'Zorba Cola 330 ml CO6331'), 'apart', 'not one out of a pack');
SELECT is(pg_temp.titles('Zorba Cola 4 x 330 ml CO6332', 'Zorba Cola CO6332 4x0.33 l'), 'merged', 'but as many in another unit');
SELECT is(pg_temp.titles('Zorba HD9001B Drive 1 TB', 'Zorba HD9001B Drive 500 GB'), 'apart', 'amounts are compared across units');
SELECT is(pg_temp.titles('Zorba HP7761 Headphones', 'Zorba HP7761 Headphones refurbished'), 'apart', 'not a refurbished one');
SELECT is(pg_temp.titles('Zorba HP7762 Headphones', 'Casti Zorba HP7762 resigilate - resigilat'), 'apart', 'in whatever language');
SELECT is(pg_temp.titles('Zorba HP7763 Headphones', 'Zorba HP7763 ear pads'), 'apart', 'not its accessory');
SELECT is(pg_temp.titles('Zorba CA4120D Camera', 'Zorba CA4120D Camera + bag'), 'apart', 'not what it is bundled with');
SELECT is(pg_temp.titles('Zorba HL3390A Headlight left', 'Zorba HL3390A Scheinwerfer rechts'), 'apart', 'not the other side');
SELECT is(pg_temp.titles('Zorba BX1150P Bulb H7 12V', 'Zorba BX1150P Bulb H4 12V'), 'apart', 'not another short type');
SELECT is(pg_temp.titles('Zorba MO5540Q Monitor', 'Zorba MO5540Q Monitor without stand'), 'apart', 'not one without a part');

SELECT is(pg_temp.fate('{"title": "Zorba runner black", "brand": "Zorba", "mpn": "CW45-551", "attributes": {"size": "41"}}',
                       '{"title": "Zorba runner, noir", "brand": "Zorba", "mpn": "CW45-551", "attributes": {"taille": "41"}}'), 'merged', 'the part number of a maker is the product''s');
SELECT is(pg_temp.fate('{"title": "Zorba walker black", "brand": "Zorba", "mpn": "CW45-552", "attributes": {"size": "41"}}',
                       '{"title": "Zorba walker, noir", "brand": "Zorba", "mpn": "CW45-552", "attributes": {"taille": "42"}}'), 'apart', 'but not another size''s of the model');
SELECT is(pg_temp.fate('{"title": "Zorba sprinter black", "brand": "Zorba", "mpn": "CW45-553"}',
                       '{"title": "Zorba sprinter rouge", "brand": "Zorba", "mpn": "CW45-553"}'), 'apart', 'nor another colour''s');

SELECT is((matching.features('Introduction to Algorithms, Third Edition, Vol. 2')).measures @> '{th=3,<vol=2}', true, 'ordinals are numbers');
SELECT is((matching.features('Algorithms (3rd ed.) Volume 2')).measures @> '{th=3,<vol=2}', true, 'in digits or words');
SELECT is((matching.features('Water 0.5 l 2 kg')).measures @> '{ml=500,g=2000}', true, 'units have one base');
SELECT is((matching.features('Screws 100 pcs, set of 4, 3er Pack')).measures @> '{!pack=100,!pack=4,!pack=3}', true, 'packs are counted');
SELECT is((matching.features('Eau de parfum for women')).measures @> '{^scent=1,^people=2}', true, 'words in pairs count, too');

SELECT * FROM finish();
ROLLBACK;

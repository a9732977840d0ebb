BEGIN;
SELECT plan(12);

INSERT INTO prod_attr_definitions (code, label, data_type) VALUES ('qcolour', 'Colour', 'string');
INSERT INTO prod_taxonomy (id, name, slug, breadcrumbs) VALUES ('00000000-0000-7000-8000-000000000001', 'Headphones', 'headphones', '{Headphones}');
INSERT INTO prod_master (id, internal_sku, canonical_title, brand, mpn, gtin, taxonomy_id)
VALUES ('00000000-0000-7000-8000-00000000000a', 'ft', 'Căști fără fir', 'Sony', 'WH-1000XM4', '05901234123457', '00000000-0000-7000-8000-000000000001');
INSERT INTO prod_specs_normalized (product_id, specs, provenance) VALUES
  ('00000000-0000-7000-8000-00000000000a', '{"qcolour": {"value": "Albastru închis"}}',
   '{"description": {"value": "<p>Sunet&nbsp;clar.</p> <b>Autonomie</b> mare, încărcare rapidă și un timp de utilizare de treizeci de ore. Se pliază ușor și încape în orice geantă; cablul și husa sunt în cutie, iar garanția este de doi ani. Microfonul aude vocea și nu zgomotul, iar aplicația pentru telefon reglează sunetul după gustul fiecăruia, oriunde ar fi."}}');
SELECT pim.refresh_semantics('{00000000-0000-7000-8000-00000000000a}');
CREATE FUNCTION pg_temp.finds(p_query text) RETURNS boolean LANGUAGE sql AS $f$
    SELECT search_vector @@ (websearch_to_tsquery(pim.search_config(locale), p_query) || websearch_to_tsquery(pim.search_config(NULL), p_query)) FROM prod_semantics
$f$;
SELECT ok(pg_temp.finds('casti'), 'without diacritics');
SELECT ok(pg_temp.finds('CĂȘTI'), 'with them, in capitals');
SELECT ok(pg_temp.finds('casca') IS NOT NULL, 'a query is a query');
SELECT ok(pg_temp.finds('wh1000xm4'), 'a part number without its hyphen');
SELECT ok(pg_temp.finds('5901234123457'), 'a GTIN without its zeros');
SELECT ok(pg_temp.finds('albastru'), 'an attribute''s value');
SELECT ok(pg_temp.finds('autonomie'), 'a word of the description');
SELECT ok(NOT pg_temp.finds('televizor'), 'not what it is not');
SELECT is((SELECT json_ld_schema -> 'brand' ->> 'name' FROM prod_semantics), 'Sony', 'schema.org has the brand');
SELECT is((SELECT json_ld_schema -> 'additionalProperty' -> 0 ->> 'value' FROM prod_semantics), 'Albastru închis', 'and the attributes');
SELECT is((SELECT description_short LIKE 'Sunet clar. Autonomie mare%' AND length(description_short) <= 300 AND description_short NOT LIKE '%<%' FROM prod_semantics), true,
          'the summary has no tags and ends in time');
SELECT is((SELECT keywords FROM prod_semantics), '{sony,headphones,"albastru închis"}', 'keywords');

SELECT * FROM finish();
ROLLBACK;

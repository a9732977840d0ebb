BEGIN;
SELECT plan(15);

CREATE TEMP TABLE made AS
SELECT harvest.register_source('tap', 'SUPPLIER', p_config => '{"locale": "ro", "currency": "RON", "mapping": {"title": "Denumire produs", "gtin": ["Cod EAN"], "-": ["Adaos"]}}') AS source;

CREATE FUNCTION pg_temp.read(p_json jsonb) RETURNS jsonb LANGUAGE plpgsql AS $f$
DECLARE
    v_sessions uuid[];
BEGIN
    PERFORM harvest.store_many((SELECT m.source FROM made AS m), jsonb_build_array(jsonb_build_object('source_product_id', md5(p_json::text), 'json', p_json)));
    v_sessions := harvest.extract_structured();
    RETURN (SELECT s.extracted_specs - '{locale,currency}'::text[] FROM prod_extraction_sessions AS s WHERE s.id = v_sessions[1]);
END
$f$;

SELECT is(pg_temp.read('{"Denumire produs": "Monitor", "Cod EAN": 5901234123457, "Adaos": "5%", "Brand": " Dell ", "Culoare": "negru"}'),
          '{"title": "Monitor", "gtin": "5901234123457", "brand": "Dell", "attributes": {"Culoare": "negru"}}', 'the source''s mapping says what its names mean');
SELECT is(pg_temp.read('{"@type": "Product", "name": "P", "brand": {"@type": "Brand", "name": "B"}, "image": ["a.jpg", "b.jpg"], "@id": "x"}'),
          '{"title": "P", "brand": "B", "image": "a.jpg"}', 'things are read by their names, of several the first');
SELECT is(pg_temp.read('{"@graph": [{"@type": "WebPage", "name": "no"}, {"@type": ["http://schema.org/Product"], "name": "yes"}]}') ->> 'title', 'yes', 'a product is found in a graph');
SELECT is(pg_temp.read('{"name": "O", "offers": [{"price": 5, "priceCurrency": "EUR", "gtin13": "4006381333931"}]}'),
          '{"title": "O", "price": 5, "gtin": "4006381333931"}', 'an offer says the price, and identifiers where the product does not');
SELECT is(pg_temp.read('{"name": "O2", "offers": {"lowPrice": "3.50", "offers": [{"price": 4}]}}') ->> 'price', '3.50', 'many offers say the lowest');
SELECT is(pg_temp.read('{"name": "A", "additionalProperty": [{"name": "RAM", "value": 8, "unitText": "GB"}, {"name": "Width", "value": 7.1, "unitCode": "CMT"},
                         {"name": "Color", "value": "red"}, {"name": "Color", "value": "blue"}, {"name": "Range", "minValue": 1, "maxValue": 2}]}') -> 'attributes',
          '{"RAM": "8 GB", "Width": "7.1 cm", "Color": ["red", "blue"], "Range": "1 - 2"}', 'properties are attributes, with their units');
SELECT is(pg_temp.read('{"title": "S", "weight": {"value": "180", "unitCode": "GRM"}, "specs": {"Ecran": "24 in", "Porturi": ["HDMI", "VGA", "HDMI"]}}') -> 'attributes',
          '{"weight": "180 g", "Ecran": "24 in", "Porturi": ["HDMI", "VGA"]}', 'members of a container are attributes, lists hold each value once');
SELECT is(pg_temp.read('{"PRODUCTNAME": "H", "PARAM": [{"PARAM_NAME": "Farba", "VAL": "biela"}, {"PARAM_NAME": "Vaha", "VAL": "2 kg"}]}'),
          '{"title": "H", "attributes": {"Farba": "biela", "Vaha": "2 kg"}}', 'and so are pairs of name and value of a feed');
SELECT is(pg_temp.read('{"g:title": "G", "g:price": "19.99 USD"}'), '{"title": "G", "price": "19.99"}', 'a price gives its currency away');
SELECT is((SELECT s.extracted_specs ->> 'currency' FROM prod_extraction_sessions AS s WHERE s.extracted_specs ->> 'title' = 'G'), 'USD', 'which wins over the source''s');
SELECT is(pg_temp.read('{"@type": "Article", "name": "none"}'), NULL, 'no product, no session');
SELECT is((SELECT array_agg(DISTINCT h.processing_status::text) FROM prod_raw_harvest AS h WHERE h.raw_json @> '{"name": "none"}'), '{skipped}', 'but a mark on the document');
SELECT is(pg_temp.read('{"product": {"name": "E", "color": "red"}, "evidence": {"name": "opengraph", "color": "json-ld"}}'), '{"title": "E", "attributes": {"color": "red"}}', 'what a page said is read');
SELECT is((SELECT s.field_confidences FROM prod_extraction_sessions AS s WHERE s.extracted_specs ->> 'title' = 'E'), '{"title": 0.70, "color": 0.95}', 'each field as far as its evidence goes');
SELECT is(cardinality(harvest.extract_structured()), 0, 'a document is read once');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(15);

SELECT ai.set_budget('openai', 100);
INSERT INTO prod_sources (id, name, source_type) VALUES ('00000000-0000-7000-8000-0000000000d1', 'web', 'SCRAPER');
-- One page, one question, one answer; what became of it.
CREATE FUNCTION pg_temp.outcome(p_n integer, p_text text, p_choice jsonb) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    v_page constant uuid := uuidv7();
    v_x    uuid;
    v_item uuid;
BEGIN
    INSERT INTO prod_raw_harvest (id, source_id, source_url, raw_html, content_hash) VALUES (v_page, '00000000-0000-7000-8000-0000000000d1', 'https://a.example/' || p_n, '<p>', lpad(p_n::text, 64, '0'));
    PERFORM ai.request_extraction(ARRAY[v_page], ARRAY[now()]);
    SELECT id INTO v_x FROM ai_extractions WHERE harvest_id = v_page;
    PERFORM ai.queue_extractions(ARRAY[v_x], ARRAY[p_text], 'openai', 'gpt-4.1-mini');
    SELECT item_id INTO v_item FROM ai_extractions WHERE id = v_x;
    UPDATE ai_batch_items SET status = 'completed', output_content = jsonb_build_object('choices', jsonb_build_array(p_choice)), tokens_used = 1, processed_at = now() WHERE id = v_item;
    PERFORM ai.take_extraction(v_item);
    RETURN (SELECT concat_ws(' ', x.error_code, (SELECT string_agg(r ->> 'code', ',' ORDER BY r ->> 'code') FROM jsonb_array_elements(x.refused) AS r),
                             (SELECT s.extracted_specs - 'url' FROM prod_extraction_sessions AS s WHERE s.id = x.session_id AND x.error_code IS NULL)) FROM ai_extractions AS x WHERE x.id = v_x);
END
$f$;
CREATE FUNCTION pg_temp.says(p_content text) RETURNS jsonb LANGUAGE sql AS $f$ SELECT jsonb_build_object('finish_reason', 'stop', 'message', jsonb_build_object('content', p_content)) $f$;
CREATE FUNCTION pg_temp.facts(p_fields text, p_attributes text DEFAULT '') RETURNS jsonb LANGUAGE sql AS $f$ SELECT pg_temp.says(format('{"fields": [%s], "attributes": [%s]}', p_fields, p_attributes)) $f$;
CREATE FUNCTION pg_temp.fact(p_name text, p_value text, p_snippet text) RETURNS text LANGUAGE sql AS $f$
    SELECT jsonb_build_object('name', p_name, 'value', p_value, 'snippet', p_snippet, 'confidence', 0.9)::text
$f$;

SELECT is(pg_temp.outcome(1, 'Brand: Acme 1', pg_temp.says('Acme, I think')), 'NT101', 'an answer is JSON');
SELECT is(pg_temp.outcome(2, 'Brand: Acme 2', pg_temp.says('[]')), 'NT102', 'an object');
SELECT is(pg_temp.outcome(3, 'Brand: Acme 3', pg_temp.says('{"fields": [], "attributes": [], "more": 1}')), 'NT102', 'of two parts');
SELECT is(pg_temp.outcome(4, 'Brand: Acme 4', pg_temp.says('{"fields": {}, "attributes": []}')), 'NT102', 'which are lists');
SELECT is(pg_temp.outcome(5, 'Brand: Acme 5', pg_temp.facts('{"name": "brand", "value": 1, "snippet": "x", "confidence": 1}')), 'NT102', 'of names and values');
SELECT is(pg_temp.outcome(6, 'Brand: Acme 6', '{"finish_reason": "stop", "message": {"refusal": "no"}}'), 'NT103', 'a refusal is told');
SELECT is(pg_temp.outcome(7, 'Brand: Acme 7', '{"finish_reason": "length", "message": {"content": "{\"fields\": ["}}'), 'NT104', 'and that an answer is cut off');
SELECT is(pg_temp.outcome(8, 'Brand: Acme 8', pg_temp.facts('')), 'NT107', 'an answer without a fact that is on the page is none');
SELECT is(pg_temp.outcome(9, 'Brand: Acme 9', pg_temp.facts(pg_temp.fact('brand', 'Acme', 'Brand: Emca'))), 'NT107 NT112', 'a snippet that is not on the page');
SELECT is(pg_temp.outcome(10, 'Brand: Acme 10', pg_temp.facts(pg_temp.fact('brand', 'Emca', 'Brand: Acme'))), 'NT107 NT113', 'or does not state the value');
SELECT is(pg_temp.outcome(11, 'Brand: Acme 1500', pg_temp.facts(pg_temp.fact('brand', '5', 'Brand: Acme 1500'))), 'NT107 NT113', 'not as a part of another number either');
SELECT is(pg_temp.outcome(12, 'Brand: Acme 12', pg_temp.facts(pg_temp.fact('owner', 'Acme', 'Brand: Acme'))), 'NT107 NT111', 'a field that nobody asked for');
SELECT is(pg_temp.outcome(13, 'Brand: Acme 13', pg_temp.facts('', pg_temp.fact('Colour', 'Acme', 'Brand: Acme'))), 'NT107 NT114', 'an attribute that the page does not name');
SELECT is(pg_temp.outcome(14, 'Brand: “Acme” – Colour: Red', pg_temp.facts(pg_temp.fact('brand', 'ACME', 'brand: "acme"'), pg_temp.fact('Colour', 'red', 'Colour: Red'))),
    '{"brand": "ACME", "attributes": {"Colour": "red"}}', 'case, quotes and dashes make no difference');
SELECT is(pg_temp.outcome(15, 'Brand: Acme 15', pg_temp.facts(pg_temp.fact('brand', 'Acme', 'Brand: Acme') || ',' || pg_temp.fact('mpn', 'X', 'nowhere'))), 'NT112 {"brand": "Acme", "attributes": {}}', 'of several facts the true ones count');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(9);

INSERT INTO prod_sources (id, name, source_type, trust_score) SELECT ('00000000-0000-7000-8000-00000000010' || n)::uuid, 'qs' || n, 'SUPPLIER', 0.5 FROM generate_series(1, 3) AS n;
INSERT INTO prod_master (id, internal_sku, canonical_title) SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'qa-' || n, 'T' FROM generate_series(1, 6) AS n;
CREATE FUNCTION pg_temp.vote(p_product integer, p_source integer, p_status text, p_field text DEFAULT 'brand', p_reviewer uuid DEFAULT NULL) RETURNS void LANGUAGE sql AS $f$
    INSERT INTO prod_proposals (product_id, field_path, proposed_value, source_id, proposal_status, reviewed_by, reviewed_at)
    VALUES (('00000000-0000-7000-8000-00000000000' || p_product)::uuid, p_field, '"v"', ('00000000-0000-7000-8000-00000000010' || p_source)::uuid, p_status, p_reviewer,
            CASE WHEN p_status <> 'pending' THEN now() END)
$f$;
CREATE FUNCTION pg_temp.a(p_product integer) RETURNS TABLE (accuracy numeric, sources integer, conflicts text[]) LANGUAGE sql AS $f$
    SELECT a.accuracy, a.sources, a.conflicts FROM pim._accuracy(ARRAY[('00000000-0000-7000-8000-00000000000' || p_product)::uuid]) AS a
$f$;

SELECT pg_temp.vote(1, 1, 'approved');
SELECT is((SELECT accuracy FROM pg_temp.a(1)), 0.700, 'one source alone is believed to 0.7');
SELECT pg_temp.vote(2, 1, 'approved'), pg_temp.vote(2, 2, 'merged');
SELECT is((SELECT accuracy FROM pg_temp.a(2)), 0.910, 'a second that agrees makes it surer');
SELECT is((SELECT sources FROM pg_temp.a(2)), 2, 'two sources');
SELECT pg_temp.vote(3, 1, 'approved'), pg_temp.vote(3, 2, 'merged'), pg_temp.vote(3, 3, 'rejected');
SELECT is((SELECT accuracy FROM pg_temp.a(3)), round(0.91 * 2 / 3, 3), 'one that says otherwise, less sure, by its trust');
SELECT pg_temp.vote(4, 1, 'approved', 'brand', uuidv7()), pg_temp.vote(4, 2, 'rejected', 'brand', uuidv7());
SELECT is((SELECT accuracy FROM pg_temp.a(4)), 1.000, 'what a person decided is right');
SELECT pg_temp.vote(5, 1, 'approved'), pg_temp.vote(5, 2, 'superseded'), pg_temp.vote(5, 3, 'pending', 'gtin');
SELECT is((SELECT accuracy FROM pg_temp.a(5)), 0.700, 'what a source does not say any more, and what is not decided, do not count');
SELECT is((SELECT conflicts FROM pg_temp.a(5)), '{gtin}', 'a field that waits for a person is a conflict');
UPDATE prod_proposals SET expires_at = now() - interval '1 day' WHERE field_path = 'gtin';
SELECT is((SELECT conflicts FROM pg_temp.a(5)), '{}', 'unless it has lapsed');
SELECT is((SELECT accuracy FROM pg_temp.a(6)), 0.000, 'a record that no source stands behind is not believed');

SELECT * FROM finish();
ROLLBACK;

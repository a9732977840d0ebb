-- Verify neanelu:schema/matching on pg

BEGIN;

SELECT evidence, weight, means FROM neanelu.prod_match_weights WHERE false;
SELECT id, model, taxonomy_id, merge_at, review_at, max_distance, price_gap, wanted_precision, reviewed_pairs, reached_precision, calibrated_at, created_at, updated_at
  FROM neanelu.prod_match_thresholds WHERE false;
SELECT product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from FROM neanelu.prod_match_keys WHERE false;
SELECT term, document_count, log_count FROM neanelu.prod_match_terms WHERE false;
SELECT id, term, change FROM neanelu.prod_match_term_changes WHERE false;
SELECT source_id, source_key, product_id, session_id, decision, method, score, gtin, mpn, model, linked_at, updated_at FROM neanelu.prod_match_links WHERE false;
SELECT product_id, arrived_at FROM neanelu.prod_match_arrivals WHERE false;
SELECT low_id, high_id, rule, said_by, notes, created_at FROM neanelu.prod_match_rules WHERE false;
SELECT id, action, cluster_id, product_id, survivor_id, done_by, notes, before, done_at, undone_at, undoes FROM neanelu.prod_match_journal WHERE false;

DO $verify$
BEGIN
    IF (SELECT count(*) FROM neanelu.prod_match_thresholds WHERE model = 'evidence/1' AND taxonomy_id IS NULL) <> 1 THEN
        RAISE EXCEPTION 'the general thresholds are missing';
    END IF;
    IF (SELECT count(*) FROM neanelu.prod_match_weights WHERE evidence IN ('base', 'title', 'margin')) <> 3 THEN
        RAISE EXCEPTION 'weights are missing';
    END IF;
    IF to_regclass('neanelu.idx_match_keys_tokens') IS NULL OR to_regclass('neanelu.idx_match_links_product') IS NULL THEN
        RAISE EXCEPTION 'indexes are missing';
    END IF;
END
$verify$;

ROLLBACK;

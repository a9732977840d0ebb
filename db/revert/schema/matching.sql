-- Revert neanelu:schema/matching from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TYPE matching.decision;
DROP TYPE matching.offer;
DROP TYPE matching.pair;
DROP TYPE matching.term;
DROP TYPE matching.piece;
DROP TYPE matching.code;
DROP TYPE matching.features;
DROP TABLE neanelu.prod_match_journal;
DROP TABLE neanelu.prod_match_rules;
DROP TABLE neanelu.prod_match_arrivals;
DROP TABLE neanelu.prod_match_links;
DROP TABLE neanelu.prod_match_term_changes;
DROP TABLE neanelu.prod_match_terms;
DROP TABLE neanelu.prod_match_keys;
DROP TABLE neanelu.prod_match_thresholds;
DROP TABLE neanelu.prod_match_weights;

COMMIT;

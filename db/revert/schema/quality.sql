-- Revert neanelu:schema/quality from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TEXT SEARCH CONFIGURATION neanelu.pim_portuguese;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_dutch;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_hungarian;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_italian;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_spanish;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_french;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_german;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_english;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_romanian;
DROP TEXT SEARCH CONFIGURATION neanelu.pim_simple;
DROP TABLE neanelu.prod_review_decisions;
DROP TABLE neanelu.prod_review_skips;
DROP TABLE neanelu.prod_review_claims;
DROP TABLE neanelu.prod_reviewers;
DROP TABLE neanelu.prod_quality_deliveries;
DROP TABLE neanelu.prod_quality_endpoints;
DROP TABLE neanelu.prod_quality_signals;
DROP TABLE neanelu.prod_channel_fields;
DROP TABLE neanelu.prod_quality_rules;
DROP TABLE neanelu.prod_quality_fields;

COMMIT;

-- Revert neanelu:schema/consensus from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP TYPE pim.outcome;
DROP TYPE pim.option;
DROP TYPE pim.vote;
DROP TABLE neanelu.prod_source_trust;
DROP TABLE neanelu.prod_trust_observations;
DROP TABLE neanelu.prod_field_decisions;
DROP TABLE neanelu.prod_survivorship_rules;

COMMIT;

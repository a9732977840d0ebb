-- Revert neanelu:schema/harvest from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.harvest_evidence;
DROP TABLE neanelu.harvest_fields;
DROP TABLE neanelu.harvest_errors;
DROP TABLE neanelu.harvest_imports;
DROP TABLE neanelu.harvest_leases;
DROP TABLE neanelu.harvest_buckets;
DROP TABLE neanelu.harvest_pages;

COMMIT;

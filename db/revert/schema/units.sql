-- Revert neanelu:schema/units from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DELETE FROM neanelu.prod_unit_names;
DELETE FROM neanelu.prod_units;

COMMIT;

-- Revert neanelu:schema/vocabulary from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DELETE FROM neanelu.prod_brand_aliases;
DELETE FROM neanelu.prod_attr_kinds;
DELETE FROM neanelu.prod_attr_words;
DELETE FROM neanelu.prod_value_words;

COMMIT;

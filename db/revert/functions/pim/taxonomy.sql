-- Revert neanelu:functions/pim/taxonomy from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.category_id(text);
DROP FUNCTION pim.find_categories(text, uuid, integer, boolean);
DROP FUNCTION pim.attribute_schema(uuid);
DROP FUNCTION pim._usual_unit(text);
DROP FUNCTION pim.import_attributes(jsonb);
DROP FUNCTION pim.import_taxonomy(jsonb, numeric);
DROP FUNCTION pim._wanted_categories(jsonb);
DROP FUNCTION pim._check_categories(jsonb, numeric);
DROP FUNCTION pim._attribute_code(text);
DROP FUNCTION pim._slug(text[]);

COMMIT;

-- Revert neanelu:functions/normalise/sessions from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.session_fields(uuid[]);
DROP FUNCTION normalise._attribute_fields(uuid[]);
DROP FUNCTION normalise._map_new_names(uuid[]);
DROP FUNCTION normalise.category(text, jsonb);
DROP FUNCTION normalise._core_field(text, jsonb, text, text);
DROP FUNCTION normalise._confidence(jsonb);
DROP FUNCTION normalise._raw_text(jsonb);

COMMIT;

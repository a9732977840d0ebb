-- Revert neanelu:functions/normalise/values from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.is_same_brand(text, text);
DROP FUNCTION normalise.add_brand_alias(text, text);
DROP FUNCTION normalise.brand(text);
DROP FUNCTION normalise.brand_key(text);
DROP FUNCTION normalise.value(text, text, text, text, text, jsonb, text);
DROP FUNCTION normalise._list(text, text, text, text, jsonb, text);
DROP FUNCTION normalise._number(text, text, text, text, text);
DROP FUNCTION normalise._packed(numeric, numeric, numeric, text);
DROP FUNCTION normalise._simple(text, text, text, text, text);
DROP FUNCTION normalise._dimensions(text, text, text, text, text);
DROP FUNCTION normalise._range(text, text, text, text, text);
DROP FUNCTION normalise._bound(text, text);
DROP FUNCTION normalise._enum(text, jsonb);
DROP FUNCTION normalise._enum_learnt(text, text[], text[]);
DROP FUNCTION normalise._enum_near(text, text, text[], text[], text[]);
DROP FUNCTION normalise._enum_hit(text, text, text[], text[], text[]);
DROP FUNCTION normalise._enum_labels(jsonb);
DROP FUNCTION normalise._colour_keys(text[]);
DROP FUNCTION normalise._label_key(text);
DROP FUNCTION normalise._boolean(text);
DROP FUNCTION normalise._word(text, text);
DROP FUNCTION normalise._amounts(text, text, text, text, text);
DROP FUNCTION normalise._is_part(numeric, text, text);
DROP FUNCTION normalise.measures(text, text, text);
DROP FUNCTION normalise._is_foreign(text, text);
DROP FUNCTION normalise._unit_at(text, text);
DROP FUNCTION normalise.convert(numeric, text, text);
DROP FUNCTION normalise.unit(text, text);

COMMIT;

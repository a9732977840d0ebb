-- Revert neanelu:functions/normalise/names from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_prod_attr_synonyms__index_gone ON neanelu.prod_attr_synonyms;
DROP TRIGGER tg_prod_attr_synonyms__index_changed ON neanelu.prod_attr_synonyms;
DROP TRIGGER tg_prod_attr_synonyms__index_new ON neanelu.prod_attr_synonyms;
DROP TRIGGER tg_prod_attr_definitions__index_changed ON neanelu.prod_attr_definitions;
DROP TRIGGER tg_prod_attr_definitions__index_new ON neanelu.prod_attr_definitions;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.tg_prod_attr_synonyms__index_gone();
DROP FUNCTION normalise.tg_prod_attr_synonyms__index_changed();
DROP FUNCTION normalise.tg_prod_attr_synonyms__index_new();
DROP FUNCTION normalise.tg_prod_attr_definitions__index_changed();
DROP FUNCTION normalise.tg_prod_attr_definitions__index_new();
DROP FUNCTION normalise._index_names(uuid[]);
DROP FUNCTION normalise.attribute_candidates(text, text, text, text[], integer, extensions.vector, text);
DROP FUNCTION normalise._profile_with_unit(text[], text);
DROP FUNCTION normalise._rank(text[], jsonb, jsonb, integer, extensions.vector, text);
DROP FUNCTION normalise._pool(text[], jsonb, integer);
DROP FUNCTION normalise._values_fit(jsonb, text, text, jsonb, jsonb);
DROP FUNCTION normalise.profile(text[]);
DROP FUNCTION normalise.expected(text);
DROP FUNCTION normalise.concepts(text, text);
DROP FUNCTION normalise._without_unit(text);
DROP FUNCTION normalise._name_unit(text);
DROP FUNCTION normalise._compound_head(text);
DROP FUNCTION normalise._compound(text, integer);
DROP FUNCTION normalise._forms(text);
DROP FUNCTION normalise.setting(text);

COMMIT;

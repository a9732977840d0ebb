-- Revert neanelu:functions/normalise/map from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.store_definition_vectors(text, text[], float4[]);
DROP FUNCTION normalise.store_name_vectors(text, text[], float4[]);
DROP FUNCTION normalise.learn_profiles(integer);
DROP FUNCTION normalise.set_setting(text, numeric);
DROP FUNCTION normalise.set_source_unit(uuid, text, text);
DROP FUNCTION normalise.review_mappings(integer, text, uuid);
DROP FUNCTION normalise.review_mapping(uuid, text, text, uuid);
DROP FUNCTION normalise.add_synonym(text, text, text, text);
DROP FUNCTION normalise._read_again(uuid[], text);
DROP FUNCTION normalise._propose_synonyms(uuid, text[]);
DROP FUNCTION normalise.map_attributes(uuid, text[], jsonb, text);
DROP FUNCTION normalise._decide_names(text[], text[], jsonb, text);

COMMIT;

-- Revert neanelu:functions/normalise/persons from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.merge_persons(text[], numeric[], text[]);
DROP FUNCTION normalise._run_together(text[], numeric[]);
DROP FUNCTION normalise._is_variant(text[], text[]);
DROP FUNCTION normalise.is_same_person(text[], text[]);
DROP FUNCTION normalise._is_short_for(text[], text[]);
DROP FUNCTION normalise.person_names(jsonb);
DROP FUNCTION normalise.person_names(text);
DROP FUNCTION normalise._person_name(text);
DROP FUNCTION normalise._comma_names(text);
DROP FUNCTION normalise._chained_names(text[]);
DROP FUNCTION normalise._person_pieces(text);
DROP FUNCTION normalise._is_family_name(text);
DROP FUNCTION normalise._is_particle(text);
DROP FUNCTION normalise._person_words(text);

COMMIT;

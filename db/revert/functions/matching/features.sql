-- Revert neanelu:functions/matching/features from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.model_code(text);
DROP FUNCTION matching.features(text, text, text);
DROP FUNCTION matching.features_many(text[], text[], text[]);
DROP FUNCTION matching._tokens(matching.piece[], matching.code[]);
DROP FUNCTION matching._signs(matching.piece[]);
DROP FUNCTION matching._sign_words();
DROP FUNCTION matching._colours(text[]);
DROP FUNCTION matching._measures(matching.piece[]);
DROP FUNCTION matching._codes(matching.piece[]);
DROP FUNCTION matching._pieces(text[]);
DROP FUNCTION matching._kind(text, text, text);
DROP FUNCTION matching._is_number(text);
DROP FUNCTION matching._is_unit(text);
DROP FUNCTION matching._prior(text);
DROP FUNCTION matching._is_code(text);
DROP FUNCTION matching._shape(text);

COMMIT;

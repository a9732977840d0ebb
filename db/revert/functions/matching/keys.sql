-- Revert neanelu:functions/matching/keys from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.refresh_keys(uuid[]);
DROP FUNCTION matching._master_keys(uuid[]);
DROP FUNCTION matching._model_number(text);
DROP FUNCTION matching._drop_keys(uuid[]);
DROP FUNCTION matching._put_keys(neanelu.prod_match_keys[]);
DROP FUNCTION matching.fold_terms(integer);

COMMIT;

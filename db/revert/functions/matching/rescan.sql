-- Revert neanelu:functions/matching/rescan from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.rescan(integer);
DROP FUNCTION matching._may_merge(uuid);
DROP FUNCTION matching._compare_products(uuid[]);
DROP FUNCTION matching._may_be_one(uuid, uuid);
DROP FUNCTION matching._with_vectors(matching.pair[], neanelu.prod_match_keys[]);
DROP FUNCTION matching._vector_distance(uuid, uuid);
DROP FUNCTION matching._changed_products(integer);

COMMIT;

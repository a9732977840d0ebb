-- Revert neanelu:functions/matching/rescan from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_prod_embeddings__note_update ON neanelu.prod_embeddings;
DROP TRIGGER tg_prod_embeddings__note_insert ON neanelu.prod_embeddings;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.rescan(integer);
DROP FUNCTION matching._may_merge(uuid);
DROP FUNCTION matching._compare_products(uuid[], uuid[], uuid[]);
DROP FUNCTION matching._may_be_one(uuid, uuid);
DROP FUNCTION matching._with_vectors(matching.pair[], neanelu.prod_match_keys[]);
DROP FUNCTION matching._vector_distance(uuid, uuid);
DROP FUNCTION matching._neighbours(uuid[], integer);
DROP FUNCTION matching._take_arrivals(integer);
DROP FUNCTION matching.tg_prod_embeddings__note();
DROP FUNCTION matching._changed_products(integer);

COMMIT;

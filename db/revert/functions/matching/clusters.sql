-- Revert neanelu:functions/matching/clusters from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.unmerge(uuid, uuid, uuid, text, boolean);
DROP FUNCTION matching._unmerge(neanelu.prod_match_journal, uuid, text);
DROP FUNCTION matching._restore_cluster(neanelu.prod_match_journal, boolean);
DROP FUNCTION matching._restore_products(neanelu.prod_match_journal, boolean);
DROP FUNCTION matching._restore_references(neanelu.prod_match_journal);
DROP FUNCTION matching.merge(uuid, uuid, uuid, text);
DROP FUNCTION matching._tell(uuid[]);
DROP FUNCTION matching._lock_cluster(uuid);
DROP FUNCTION matching._merge_one(uuid, uuid, uuid, uuid, text);
DROP FUNCTION matching._return_decisions(uuid, uuid);
DROP FUNCTION matching._adopt_decisions(uuid, uuid);
DROP FUNCTION matching._snapshot(uuid, uuid, uuid);
DROP FUNCTION matching._choose_survivor(uuid);
DROP FUNCTION matching._are_never_one(uuid, uuid);
DROP FUNCTION matching._survivor(uuid);
DROP FUNCTION matching._family(uuid);

COMMIT;

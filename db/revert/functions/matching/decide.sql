-- Revert neanelu:functions/matching/decide from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.link(uuid, uuid, text, uuid, text);
DROP FUNCTION matching._pair_cluster(uuid, uuid, text);
DROP FUNCTION matching.undo(uuid, uuid);
DROP FUNCTION matching._undo_decision(neanelu.prod_match_journal);
DROP FUNCTION matching.decide_cluster(uuid, text, uuid, text, uuid);
DROP FUNCTION matching._reject(uuid, uuid, text);
DROP FUNCTION matching._validate(uuid, text, uuid, text);
DROP FUNCTION matching._split(uuid, uuid);

COMMIT;

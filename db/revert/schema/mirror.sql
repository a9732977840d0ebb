-- Revert neanelu:schema/mirror from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.mirror_comparisons;
DROP TABLE neanelu.mirror_fetches;
DROP TABLE neanelu.mirror_tombstones;
DROP TABLE neanelu.webhook_topics;

COMMIT;

-- Revert neanelu:schema/scraper from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.scraper_queue;
DROP TABLE neanelu.scraper_runs;
DROP TABLE neanelu.scraper_configs;

COMMIT;

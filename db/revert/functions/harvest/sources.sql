-- Revert neanelu:functions/harvest/sources from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest.list_scrapers(uuid);
DROP FUNCTION harvest.set_scraper(uuid, text, jsonb);
DROP FUNCTION harvest.list_sources(uuid);
DROP FUNCTION harvest.source_settings(uuid);
DROP FUNCTION harvest.find_source(text);
DROP FUNCTION harvest.set_source(uuid, jsonb);
DROP FUNCTION harvest.register_source(text, text, text, integer, numeric, jsonb, jsonb);
DROP FUNCTION harvest._assert_proxy(jsonb);
DROP FUNCTION harvest._assert_auth(jsonb);
DROP FUNCTION harvest._assert_rate_limit(jsonb);

COMMIT;

-- Revert neanelu:functions/harvest/documents from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest.document(uuid);
DROP FUNCTION harvest.store_many(uuid, jsonb);
DROP FUNCTION harvest._feed_records(neanelu.prod_sources, jsonb);
DROP FUNCTION harvest.store(uuid, text, text, jsonb, integer, jsonb, text, text, text);
DROP FUNCTION harvest._note_page(uuid, text, text, uuid, timestamptz, text, text);
DROP FUNCTION harvest._open_source(uuid);

COMMIT;

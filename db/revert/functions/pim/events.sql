-- Revert neanelu:functions/pim/events from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.record_delivery(uuid, uuid, integer, text, boolean);
DROP FUNCTION pim.quality_delivery(uuid, uuid);
DROP FUNCTION pim.list_endpoints();
DROP FUNCTION pim.remove_endpoint(text);
DROP FUNCTION pim.set_endpoint(text, text, jsonb, text[]);
DROP FUNCTION pim.quality_events(timestamptz, integer);
DROP FUNCTION pim._announce(uuid[]);
DROP FUNCTION pim._notify_quality();

COMMIT;

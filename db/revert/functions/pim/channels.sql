-- Revert neanelu:functions/pim/channels from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.pushable(text, uuid, integer);
DROP FUNCTION pim.record_pull(uuid, jsonb);
DROP FUNCTION pim._channel_source(neanelu.prod_channel_mappings);
DROP FUNCTION pim.record_push(uuid, jsonb, text);
DROP FUNCTION pim.channel_payload(uuid);
DROP FUNCTION pim._channel_fields(uuid, text);
DROP FUNCTION pim._owned_fields(text, jsonb);
DROP FUNCTION pim._mapping(uuid);

COMMIT;

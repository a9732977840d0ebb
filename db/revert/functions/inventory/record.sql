-- Revert neanelu:functions/inventory/record from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION inventory.transfer(uuid, uuid, text, text, integer, text, timestamptz);
DROP FUNCTION inventory.record_many(uuid, jsonb);
DROP FUNCTION inventory.record_many(uuid, uuid[], text[], integer[], text[], text[], text[], timestamptz[], numeric[]);
DROP FUNCTION inventory._fresh(uuid, uuid[], text[], text[], text[]);
DROP FUNCTION inventory._take_receipts(uuid, uuid[], text[], text[], text[]);
DROP FUNCTION inventory.record(uuid, uuid, text, integer, text, text, text, timestamptz, numeric);
DROP FUNCTION inventory._admit(uuid, uuid, text, text, text, timestamptz);
DROP FUNCTION inventory._assert_kept(timestamptz[]);
DROP FUNCTION inventory._receipt(text, text, uuid, text);

COMMIT;

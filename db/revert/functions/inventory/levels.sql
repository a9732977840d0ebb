-- Revert neanelu:functions/inventory/levels from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION inventory.drift(uuid);
DROP FUNCTION inventory.record_bulk(uuid, uuid);
DROP FUNCTION inventory.record_levels(uuid, timestamptz, text, text);
DROP FUNCTION inventory._differing_levels(uuid, timestamptz);
DROP FUNCTION inventory.record_absolute(uuid, bigint, text, integer, timestamptz, text, text);
DROP FUNCTION inventory._variant_of_item(uuid, text);
DROP FUNCTION inventory._take_counts(uuid, uuid[], text[], integer[], timestamptz[], text, text);
DROP FUNCTION inventory._lock_counts(uuid, uuid[], text[], integer[], timestamptz[], boolean);
DROP FUNCTION inventory.set_source(uuid, text);
DROP FUNCTION inventory.source(uuid);

COMMIT;

-- Revert neanelu:functions/webhooks/inventory from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks._location_address(jsonb);
DROP FUNCTION webhooks.apply_locations(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._write_item(uuid, jsonb, timestamptz);
DROP FUNCTION webhooks.apply_items(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._item_row(jsonb);
DROP FUNCTION webhooks._record_levels(uuid, text[]);
DROP FUNCTION webhooks._disconnect(uuid, bigint, bigint, uuid, timestamptz);
DROP FUNCTION webhooks.apply_levels(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._write_level(uuid, jsonb, timestamptz, uuid);
DROP FUNCTION webhooks._level_death(uuid, bigint, bigint);

COMMIT;

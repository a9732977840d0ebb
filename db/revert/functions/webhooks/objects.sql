-- Revert neanelu:functions/webhooks/objects from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks._fetch_after(text);
DROP FUNCTION webhooks._want(uuid, text, bigint[], interval);
DROP FUNCTION webhooks._forget_digests(uuid, text, bigint, text);
DROP FUNCTION webhooks._delete(uuid, text, text, bigint, timestamptz);
DROP FUNCTION webhooks._mark_deleted(uuid, text, text, bigint[], timestamptz, text);
DROP FUNCTION webhooks._bury(uuid, text, bigint, timestamptz, bigint);
DROP FUNCTION webhooks._write(uuid, text, jsonb, timestamptz, text, text);
DROP FUNCTION webhooks._set_list(text[], text);
DROP FUNCTION webhooks._state(uuid, text, text, bigint, timestamptz);
DROP FUNCTION webhooks._money(jsonb);
DROP FUNCTION webhooks._shop_money(jsonb);
DROP FUNCTION webhooks._address(jsonb, boolean);
DROP FUNCTION webhooks._tags(jsonb);
DROP FUNCTION webhooks._upper(jsonb);
DROP FUNCTION webhooks._amount(jsonb);
DROP FUNCTION webhooks._utc(timestamptz);
DROP FUNCTION webhooks._time(jsonb, text);
DROP FUNCTION webhooks._number(jsonb, text);
DROP FUNCTION webhooks._gid(text, text);

COMMIT;

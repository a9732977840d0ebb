-- Revert neanelu:functions/ops/keys from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_system_config__key_version ON neanelu.system_config;
DROP TRIGGER tg_shop_tokens__key_version ON neanelu.shop_tokens;
DROP TRIGGER tg_shops__key_version ON neanelu.shops;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ops.tg_system_config__key_version();
DROP FUNCTION ops.tg_shop_tokens__key_version();
DROP FUNCTION ops.tg_shops__key_version();
DROP FUNCTION ops._assert_key_version(text, integer);
DROP FUNCTION ops.abandon_key_rotation(text);
DROP FUNCTION ops.finish_key_rotation(uuid);
DROP FUNCTION ops.reseal(uuid, text[], uuid[], text[], bytea[], bytea[]);
DROP FUNCTION ops.sealed_batch(uuid, integer, text, text);
DROP FUNCTION ops.begin_key_rotation(integer);
DROP FUNCTION ops.key_usage();
DROP FUNCTION ops._sealed_values();

COMMIT;

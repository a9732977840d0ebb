-- Revert neanelu:functions/shops/oauth from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('sign_in.sweep');
SELECT jobs.unschedule('token.sweep');
SELECT jobs.unregister_handler('sign_in.sweep');
SELECT jobs.unregister_handler('token.sweep');
SELECT jobs.unregister_handler('token.refresh');
DROP FUNCTION shops.sweep_sign_ins(uuid, jsonb);
DROP FUNCTION shops.sweep_tokens(uuid, jsonb);
DROP FUNCTION shops.complete_oauth(uuid, text, bytea, bytea, bytea, integer, text[], bytea, interval, interval, text, text, text, text, bigint);
DROP FUNCTION shops.take_oauth_state(text, text, text);
DROP FUNCTION shops.begin_oauth(text, text, text, text, interval);
DROP FUNCTION shops.supported_api_version();

COMMIT;

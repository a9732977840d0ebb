-- Revert neanelu:functions/privacy/requests from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('privacy.sweep_exports');
SELECT jobs.unregister_handler('privacy.sweep_exports');
SELECT jobs.unregister_handler('privacy.fulfil');
DROP FUNCTION privacy.sweep_exports(uuid, jsonb);
DROP FUNCTION privacy.read_export(uuid);
DROP FUNCTION privacy.requests(boolean);
DROP FUNCTION privacy.fulfil(uuid, jsonb);
DROP FUNCTION privacy.handle(uuid, text, jsonb);
DROP FUNCTION privacy._erase_shop(uuid);
DROP FUNCTION privacy._erase_customer(uuid, jsonb);
DROP FUNCTION privacy._traces_of_erased(uuid, text, text[], text[]);
DROP FUNCTION privacy._export_customer(uuid, jsonb);
DROP FUNCTION privacy._erase_customers(uuid, text);
DROP FUNCTION privacy._erase_orders(uuid, bigint[]);
DROP FUNCTION privacy._erase_audit(uuid, text);
DROP FUNCTION privacy._erase_raw(uuid, text);
DROP FUNCTION privacy.find_traces(uuid, text[]);
DROP FUNCTION privacy._relations();
DROP FUNCTION privacy._pattern(text[]);
DROP FUNCTION privacy._particulars(uuid, jsonb);
DROP FUNCTION privacy._identifiers(uuid, jsonb);
DROP FUNCTION privacy._order_numbers(uuid, jsonb);
DROP FUNCTION privacy._subject_digest(uuid, text);

SET LOCAL ROLE neanelu_owner;
DROP TABLE privacy.raw_places;

COMMIT;

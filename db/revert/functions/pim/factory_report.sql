-- Revert neanelu:functions/pim/factory_report from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.most_disputed(integer);
DROP FUNCTION pim.factory_report();
DROP FUNCTION pim._factory_sources();
DROP FUNCTION pim.factory_status();
DROP FUNCTION pim._counts_of(regclass, name);

COMMIT;

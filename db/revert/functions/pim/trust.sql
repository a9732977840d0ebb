-- Revert neanelu:functions/pim/trust from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.unpin_trust(uuid);
DROP FUNCTION pim.pin_trust(uuid, numeric, uuid, text);
DROP FUNCTION pim.learn_trust();
DROP FUNCTION pim._reckon_trust();
DROP FUNCTION pim._agreement();
DROP FUNCTION pim._observe_trust();

COMMIT;

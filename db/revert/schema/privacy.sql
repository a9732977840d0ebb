-- Revert neanelu:schema/privacy from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TABLE neanelu.privacy_requests;

COMMIT;

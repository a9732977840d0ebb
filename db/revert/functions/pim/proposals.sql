-- Revert neanelu:functions/pim/proposals from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.expire_proposals(integer);
DROP FUNCTION pim.propose(uuid[], uuid[]);
DROP FUNCTION pim._supersede_proposals(uuid[]);
DROP FUNCTION pim._store_proposals(neanelu.prod_proposals[]);
DROP FUNCTION pim._refresh_proposals(neanelu.prod_proposals[]);
DROP FUNCTION pim._said(uuid[], uuid[]);

COMMIT;

-- Revert neanelu:functions/pim/review from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.set_rule(text, uuid, jsonb, text);
DROP FUNCTION pim.restore(uuid, integer, uuid, text);
DROP FUNCTION pim._fields_of(neanelu.prod_specs_normalized);
DROP FUNCTION pim.release_field(uuid, text);
DROP FUNCTION pim.set_value(uuid, text, jsonb, uuid, text);
DROP FUNCTION pim._assert_value(text, jsonb);
DROP FUNCTION pim.undo_review(uuid);
DROP FUNCTION pim.review_proposal(uuid, text, uuid, text);
DROP FUNCTION pim._withdraw_decision(uuid);
DROP FUNCTION pim._record_decision(uuid, text, text, jsonb, uuid, uuid, text);

COMMIT;

-- Revert neanelu:functions/pim/queue from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.review_log(uuid, integer);
DROP FUNCTION pim.undo_review_decision(uuid, uuid);
DROP FUNCTION pim.decide_review(text, uuid, text, uuid, text, text);
DROP FUNCTION pim._after_review(uuid[], uuid);
DROP FUNCTION pim.review_item(text, uuid);
DROP FUNCTION pim.review_kind(uuid);
DROP FUNCTION pim.release_review(text, uuid, uuid, boolean);
DROP FUNCTION pim.claim_reviews(uuid, jsonb, interval, integer);
DROP FUNCTION pim._lock_item(text, uuid);
DROP FUNCTION pim.review_queue(jsonb, integer);
DROP FUNCTION pim.reviewer(text);

COMMIT;

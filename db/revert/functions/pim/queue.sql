-- Revert neanelu:functions/pim/queue from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.review_log(uuid, integer);
DROP FUNCTION pim.undo_review_decision(uuid, uuid);
DROP FUNCTION pim.decide_review(text, uuid, text, uuid, text);
DROP FUNCTION pim._after_review(uuid[], uuid);
DROP FUNCTION pim.review_item(text, uuid);
DROP FUNCTION pim._cluster_evidence(uuid);
DROP FUNCTION pim._proposal_evidence(uuid);
DROP FUNCTION pim._card(uuid);
DROP FUNCTION pim.review_kind(uuid);
DROP FUNCTION pim.release_review(text, uuid, uuid, boolean);
DROP FUNCTION pim.claim_reviews(uuid, jsonb, interval, integer);
DROP FUNCTION pim.review_queue(jsonb, integer);
DROP FUNCTION pim._waiting(jsonb, uuid, integer);
DROP FUNCTION pim._category_tree(text);
DROP FUNCTION pim.reviewer(text);

COMMIT;

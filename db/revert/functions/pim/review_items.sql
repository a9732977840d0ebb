-- Revert neanelu:functions/pim/review_items from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim._undo_match(uuid, jsonb, uuid);
DROP FUNCTION pim._decide_match(uuid, text, uuid, text);
DROP FUNCTION pim._undo_synonym(jsonb);
DROP FUNCTION pim._restore_synonyms(jsonb);
DROP FUNCTION pim._decide_synonym(uuid, text, uuid, text);
DROP FUNCTION pim._retract_proposals(uuid[], text);
DROP FUNCTION pim._match_evidence(uuid);
DROP FUNCTION pim._synonym_evidence(uuid);
DROP FUNCTION pim._meaning(neanelu.prod_attr_mappings, text);
DROP FUNCTION pim._cluster_evidence(uuid);
DROP FUNCTION pim._proposal_evidence(uuid);
DROP FUNCTION pim._card(uuid);
DROP FUNCTION pim._waiting(jsonb, uuid, integer);
DROP FUNCTION pim._waiting_matches(jsonb, uuid, integer);
DROP FUNCTION pim._is_settled(neanelu.prod_similarity_matches);
DROP FUNCTION pim._match_other(neanelu.prod_similarity_matches);
DROP FUNCTION pim._waiting_synonyms(jsonb, uuid, integer);
DROP FUNCTION pim._waiting_clusters(jsonb, uuid, integer);
DROP FUNCTION pim._waiting_proposals(jsonb, uuid, integer);
DROP FUNCTION pim._wanted(jsonb, text, uuid);
DROP FUNCTION pim._category_tree(text);

COMMIT;

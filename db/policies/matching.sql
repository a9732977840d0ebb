-- Deploy neanelu:policies/matching to pg
-- requires: schema/matching
-- requires: policies/pim
-- requires: functions/audit/capture
-- As the rest of the PIM: editors, analysts and operators read, the engine writes, tenants see nothing. The journal only grows.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.prod_match_thresholds, neanelu.prod_match_keys, neanelu.prod_match_terms, neanelu.prod_match_term_changes,
    neanelu.prod_match_links, neanelu.prod_match_rules, neanelu.prod_match_arrivals
    TO neanelu_engine;
GRANT SELECT, INSERT ON neanelu.prod_match_journal TO neanelu_engine;
GRANT UPDATE (undone_at) ON neanelu.prod_match_journal TO neanelu_engine;
GRANT SELECT ON neanelu.prod_match_weights TO neanelu_engine;
-- audit.attach puts its triggers on the clusters as the engine.
GRANT TRIGGER ON neanelu.prod_dedupe_clusters TO neanelu_engine;
-- functions/matching/rescan learns by a trigger of new vectors.
GRANT TRIGGER ON neanelu.prod_embeddings TO neanelu_engine;
GRANT SELECT ON
    neanelu.prod_match_weights, neanelu.prod_match_thresholds, neanelu.prod_match_links, neanelu.prod_match_rules, neanelu.prod_match_journal,
    neanelu.prod_match_keys, neanelu.prod_match_terms, neanelu.prod_match_arrivals
    TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;

SET LOCAL ROLE neanelu_engine;
SELECT audit.attach('neanelu.prod_dedupe_clusters', ARRAY['UPDATE', 'DELETE']);

COMMIT;

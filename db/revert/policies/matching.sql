-- Revert neanelu:policies/matching from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_prod_dedupe_clusters__capture_delete ON neanelu.prod_dedupe_clusters;
DROP TRIGGER tg_prod_dedupe_clusters__capture_update ON neanelu.prod_dedupe_clusters;
SET LOCAL ROLE neanelu_engine;
DROP FUNCTION audit.tg_prod_dedupe_clusters__capture_delete();
DROP FUNCTION audit.tg_prod_dedupe_clusters__capture_update();
SET LOCAL ROLE neanelu_owner;
REVOKE ALL ON
    neanelu.prod_match_weights, neanelu.prod_match_thresholds, neanelu.prod_match_keys, neanelu.prod_match_terms, neanelu.prod_match_term_changes,
    neanelu.prod_match_links, neanelu.prod_match_rules, neanelu.prod_match_journal, neanelu.prod_match_arrivals
    FROM neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
REVOKE UPDATE (undone_at) ON neanelu.prod_match_journal FROM neanelu_engine;
REVOKE TRIGGER ON neanelu.prod_dedupe_clusters, neanelu.prod_embeddings FROM neanelu_engine;

COMMIT;

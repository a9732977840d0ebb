-- Revert neanelu:policies/vectors from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

REVOKE SELECT ON neanelu.embedding_texts FROM neanelu_analyst, neanelu_pim_editor;
REVOKE SELECT ON neanelu.search_words FROM neanelu_tenant, neanelu_app;
REVOKE SELECT ON neanelu.embedding_sweeps FROM neanelu_operator;
REVOKE SELECT ON neanelu.embedding_items FROM neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
REVOKE SELECT ON neanelu.embedding_models FROM neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
REVOKE SELECT, INSERT, UPDATE, DELETE ON
    neanelu.embedding_models, neanelu.embedding_items, neanelu.embedding_sweeps, neanelu.embedding_texts, neanelu.search_words
    FROM neanelu_engine;

DROP POLICY search_words_engine_all ON neanelu.search_words;
DROP POLICY search_words_tenant_select ON neanelu.search_words;
ALTER TABLE neanelu.search_words NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY embedding_sweeps_engine_all ON neanelu.embedding_sweeps;
DROP POLICY embedding_sweeps_staff_select ON neanelu.embedding_sweeps;
ALTER TABLE neanelu.embedding_sweeps NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY embedding_items_engine_all ON neanelu.embedding_items;
DROP POLICY embedding_items_staff_select ON neanelu.embedding_items;
DROP POLICY embedding_items_tenant_select ON neanelu.embedding_items;
ALTER TABLE neanelu.embedding_items NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;

COMMIT;

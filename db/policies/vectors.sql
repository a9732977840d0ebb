-- Deploy neanelu:policies/vectors to pg
-- requires: schema/vectors
-- requires: policies/pim
-- The engine writes; operators, editors and analysts see what waits; a tenant sees what waits of its own.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.embedding_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.embedding_items FORCE ROW LEVEL SECURITY;
CREATE POLICY embedding_items_tenant_select ON neanelu.embedding_items FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY embedding_items_staff_select ON neanelu.embedding_items FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY embedding_items_engine_all ON neanelu.embedding_items FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.embedding_sweeps ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.embedding_sweeps FORCE ROW LEVEL SECURITY;
CREATE POLICY embedding_sweeps_staff_select ON neanelu.embedding_sweeps FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY embedding_sweeps_engine_all ON neanelu.embedding_sweeps FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.search_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.search_words FORCE ROW LEVEL SECURITY;
CREATE POLICY search_words_tenant_select ON neanelu.search_words FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY search_words_engine_all ON neanelu.search_words FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.embedding_models, neanelu.embedding_items, neanelu.embedding_sweeps, neanelu.embedding_texts, neanelu.search_words
    TO neanelu_engine;
GRANT SELECT ON neanelu.embedding_models TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT SELECT ON neanelu.embedding_items TO neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT SELECT ON neanelu.embedding_sweeps TO neanelu_operator;
GRANT SELECT ON neanelu.search_words TO neanelu_tenant, neanelu_app;
GRANT SELECT ON neanelu.embedding_texts TO neanelu_analyst, neanelu_pim_editor;

COMMIT;

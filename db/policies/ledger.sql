-- Deploy neanelu:policies/ledger to pg
-- requires: schema/ledger
-- requires: policies/grants
-- Tenants and analysts read; the engine appends. Nobody has UPDATE on the ledger.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.inventory_ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_ledger FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_ledger_tenant_select ON neanelu.inventory_ledger FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY inventory_ledger_analyst_select ON neanelu.inventory_ledger FOR SELECT TO neanelu_analyst USING (true);
CREATE POLICY inventory_ledger_engine_all ON neanelu.inventory_ledger FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.inventory_arrivals ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_arrivals FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_arrivals_tenant_select ON neanelu.inventory_arrivals FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY inventory_arrivals_analyst_select ON neanelu.inventory_arrivals FOR SELECT TO neanelu_analyst USING (true);
CREATE POLICY inventory_arrivals_engine_all ON neanelu.inventory_arrivals FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.inventory_balances ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_balances FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_balances_tenant_select ON neanelu.inventory_balances FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY inventory_balances_analyst_select ON neanelu.inventory_balances FOR SELECT TO neanelu_analyst USING (true);
CREATE POLICY inventory_balances_engine_all ON neanelu.inventory_balances FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.inventory_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_counts_tenant_select ON neanelu.inventory_counts FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY inventory_counts_engine_all ON neanelu.inventory_counts FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.inventory_order_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_order_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_order_lines_engine_all ON neanelu.inventory_order_lines FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.inventory_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_receipts_engine_all ON neanelu.inventory_receipts FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

DO $partitions$
BEGIN
    PERFORM ops._cover_partitions();
END
$partitions$;

-- DELETE on the ledger passes its trigger only while a shop is erased (inventory.erase_shop).
GRANT SELECT, INSERT, DELETE ON neanelu.inventory_ledger, neanelu.inventory_arrivals, neanelu.inventory_receipts TO neanelu_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON neanelu.inventory_balances, neanelu.inventory_counts, neanelu.inventory_order_lines TO neanelu_engine;
GRANT SELECT, UPDATE ON neanelu.inventory_retention TO neanelu_engine;
GRANT SELECT ON neanelu.inventory_current, neanelu.inventory_entries TO neanelu_engine;
GRANT SELECT ON neanelu.inventory_retention TO neanelu_operator;
GRANT SELECT ON
    neanelu.inventory_ledger, neanelu.inventory_arrivals, neanelu.inventory_balances, neanelu.inventory_current, neanelu.inventory_entries
    TO neanelu_tenant, neanelu_app, neanelu_analyst;
GRANT SELECT ON neanelu.inventory_counts TO neanelu_tenant, neanelu_app;

COMMIT;

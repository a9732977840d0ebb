-- Revert neanelu:policies/ledger from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

REVOKE SELECT ON neanelu.inventory_counts FROM neanelu_tenant, neanelu_app;
REVOKE SELECT ON
    neanelu.inventory_ledger, neanelu.inventory_arrivals, neanelu.inventory_balances, neanelu.inventory_current, neanelu.inventory_entries
    FROM neanelu_tenant, neanelu_app, neanelu_analyst;
REVOKE SELECT ON neanelu.inventory_retention FROM neanelu_operator;
REVOKE SELECT ON neanelu.inventory_current, neanelu.inventory_entries FROM neanelu_engine;
REVOKE SELECT, UPDATE ON neanelu.inventory_retention FROM neanelu_engine;
REVOKE SELECT, INSERT, UPDATE, DELETE ON neanelu.inventory_balances, neanelu.inventory_counts, neanelu.inventory_order_lines FROM neanelu_engine;
REVOKE SELECT, INSERT, DELETE ON neanelu.inventory_ledger, neanelu.inventory_arrivals, neanelu.inventory_receipts FROM neanelu_engine;

DROP POLICY inventory_receipts_engine_all ON neanelu.inventory_receipts;
ALTER TABLE neanelu.inventory_receipts NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY inventory_order_lines_engine_all ON neanelu.inventory_order_lines;
ALTER TABLE neanelu.inventory_order_lines NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY inventory_counts_engine_all ON neanelu.inventory_counts;
DROP POLICY inventory_counts_tenant_select ON neanelu.inventory_counts;
ALTER TABLE neanelu.inventory_counts NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY inventory_balances_engine_all ON neanelu.inventory_balances;
DROP POLICY inventory_balances_analyst_select ON neanelu.inventory_balances;
DROP POLICY inventory_balances_tenant_select ON neanelu.inventory_balances;
ALTER TABLE neanelu.inventory_balances NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY inventory_arrivals_engine_all ON neanelu.inventory_arrivals;
DROP POLICY inventory_arrivals_analyst_select ON neanelu.inventory_arrivals;
DROP POLICY inventory_arrivals_tenant_select ON neanelu.inventory_arrivals;
ALTER TABLE neanelu.inventory_arrivals NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY inventory_ledger_engine_all ON neanelu.inventory_ledger;
DROP POLICY inventory_ledger_analyst_select ON neanelu.inventory_ledger;
DROP POLICY inventory_ledger_tenant_select ON neanelu.inventory_ledger;
ALTER TABLE neanelu.inventory_ledger NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;

COMMIT;

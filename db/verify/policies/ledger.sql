-- Verify neanelu:policies/ledger on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p')
       AND (c.relname LIKE 'inventory\_ledger%' OR c.relname IN ('inventory_arrivals', 'inventory_receipts', 'inventory_balances',
                                                                 'inventory_counts', 'inventory_order_lines'))
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;

    -- Nobody updates the ledger, nobody but the engine writes at all, tenants read what they should and no more.
    SELECT string_agg(format('%s on %s for %s', p.right, t.name, r.rolname), '; ') INTO v_bad
      FROM (VALUES ('inventory_ledger'), ('inventory_arrivals'), ('inventory_receipts'), ('inventory_balances'), ('inventory_counts'),
                   ('inventory_order_lines'), ('inventory_retention')) AS t (name)
     CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p ("right")
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname IN ('neanelu_engine', 'neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                         'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')
       AND has_table_privilege(r.rolname, 'neanelu.' || t.name, p.right)
       AND NOT (r.rolname = 'neanelu_engine' AND p.right <> 'TRUNCATE'
                AND (p.right <> 'UPDATE' OR t.name IN ('inventory_balances', 'inventory_counts', 'inventory_order_lines', 'inventory_retention')));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that should not be: %', v_bad;
    END IF;
    IF NOT (has_table_privilege('neanelu_tenant', 'neanelu.inventory_ledger', 'SELECT')
            AND has_table_privilege('neanelu_analyst', 'neanelu.inventory_current', 'SELECT')
            AND has_table_privilege('neanelu_engine', 'neanelu.inventory_ledger', 'INSERT'))
       OR has_table_privilege('neanelu_tenant', 'neanelu.inventory_receipts', 'SELECT')
       OR has_table_privilege('neanelu_tenant', 'neanelu.inventory_order_lines', 'SELECT') THEN
        RAISE EXCEPTION 'who may read the ledger is not as it should be';
    END IF;
END
$verify$;

ROLLBACK;

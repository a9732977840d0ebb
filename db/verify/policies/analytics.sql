-- Verify neanelu:policies/analytics on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.oid IN ('neanelu.analytics_daily_shop'::regclass, 'neanelu.analytics_product_performance'::regclass,
                     'neanelu.analytics_dirty_days'::regclass, 'neanelu.analytics_unresolved_products'::regclass,
                     'neanelu.analytics_rollups'::regclass)
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;
    SELECT string_agg(r.role || ' on ' || t.name, ', ') INTO v_bad
      FROM unnest('{neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_operator, neanelu_worker, neanelu_sync}'::text[]) AS r (role)
     CROSS JOIN unnest('{analytics_daily_shop, analytics_product_performance, analytics_dirty_days, analytics_unresolved_products,
                         analytics_rollups, analytics_refreshes}'::text[]) AS t (name)
     WHERE has_table_privilege(r.role, 'neanelu.' || t.name, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR t.name IN ('analytics_dirty_days', 'analytics_unresolved_products') AND has_table_privilege(r.role, 'neanelu.' || t.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that nobody should have: %', v_bad;
    END IF;
    IF NOT has_table_privilege('neanelu_tenant', 'neanelu.analytics_daily_shop', 'SELECT')
       OR NOT has_table_privilege('neanelu_analyst', 'neanelu.analytics_product_performance', 'SELECT')
       OR NOT has_table_privilege('neanelu_operator', 'neanelu.analytics_refreshes', 'SELECT') THEN
        RAISE EXCEPTION 'a right on figures is missing';
    END IF;
END
$verify$;

ROLLBACK;

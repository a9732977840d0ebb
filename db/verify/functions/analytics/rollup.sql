-- Verify neanelu:functions/analytics/rollup on pg

BEGIN;

DO $verify$
BEGIN
    IF (SELECT count(*) FROM pg_catalog.pg_trigger AS t
         WHERE t.tgfoid IN ('analytics.tg_shopify_orders__mark_days()'::regprocedure, 'analytics.tg_shopify_customers__mark_days()'::regprocedure)
           AND t.tgenabled = 'O') <> 8 THEN
        RAISE EXCEPTION 'a trigger that marks days is missing or disabled';
    END IF;
    IF NOT has_function_privilege('neanelu_worker', 'analytics.rollup_days(uuid)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'analytics.rollup_days(uuid)', 'EXECUTE')
       OR has_function_privilege('neanelu_worker', 'analytics._roll_shop_days(uuid, date[])', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on the roll-up are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;

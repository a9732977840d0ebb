-- Verify neanelu:policies/factory on pg

BEGIN;

DO $verify$
BEGIN
    IF NOT has_table_privilege('neanelu_engine', 'neanelu.factory_sessions', 'SELECT, INSERT, UPDATE, DELETE')
       OR NOT has_table_privilege('neanelu_operator', 'neanelu.factory_sessions', 'SELECT')
       OR has_table_privilege('neanelu_operator', 'neanelu.factory_sessions', 'UPDATE')
       OR has_table_privilege('neanelu_tenant', 'neanelu.factory_sessions', 'SELECT')
       OR NOT has_table_privilege('neanelu_engine', 'neanelu.factory_products', 'SELECT, INSERT, UPDATE, DELETE')
       OR has_table_privilege('neanelu_operator', 'neanelu.factory_products', 'UPDATE')
       OR has_table_privilege('neanelu_tenant', 'neanelu.factory_products', 'SELECT') THEN
        RAISE EXCEPTION 'rights on the factory''s queues are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;

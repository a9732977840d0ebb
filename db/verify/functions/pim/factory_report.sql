-- Verify neanelu:functions/pim/factory_report on pg

BEGIN;

DO $verify$
BEGIN
    IF NOT has_function_privilege('neanelu_operator', 'pim.factory_report()', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_pim_editor', 'pim.factory_status()', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'pim.factory_report()', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'pim.most_disputed(integer)', 'EXECUTE')
       OR has_function_privilege('neanelu_operator', 'pim._factory_sources()', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on the factory''s report are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;

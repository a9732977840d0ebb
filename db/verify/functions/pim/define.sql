-- Verify neanelu:functions/pim/define on pg

BEGIN;

DO $verify$
BEGIN
    IF NOT has_function_privilege('neanelu_pim_editor', 'pim.define_attributes(jsonb)', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_pim_editor', 'pim.expect_attributes(text, jsonb)', 'EXECUTE')
       OR has_function_privilege('neanelu_analyst', 'pim.define_attributes(jsonb)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'pim.expect_attributes(text, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on definitions are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;

-- Verify neanelu:functions/privacy/requests on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF has_function_privilege('neanelu_operator', 'privacy.fulfil(uuid, jsonb)', 'EXECUTE')
       OR has_function_privilege('neanelu_webhooks', 'privacy.read_export(uuid)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'privacy.find_traces(uuid, text[])', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_operator', 'privacy.read_export(uuid)', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on the functions of schema privacy are not what they should be';
    END IF;
    IF 'someone at "Ana@example.com", 0721 000 111' !~* privacy._pattern('{ana@example.com}')
       OR 'gid://shopify/Customer/12' ~* privacy._pattern('{gid://shopify/customer/1}') THEN
        RAISE EXCEPTION 'a person is not found, or another one is';
    END IF;
    IF EXISTS (SELECT FROM privacy.raw_places AS p WHERE to_regclass('neanelu.' || quote_ident(p.table_name)) IS NULL) THEN
        RAISE EXCEPTION 'raw_places names a table that is not there';
    END IF;
END
$verify$;

ROLLBACK;

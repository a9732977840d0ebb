BEGIN;
SELECT plan(7);

-- What a statement answers when a login sends it: its first value, or the SQLSTATE.
CREATE FUNCTION pg_temp.as_login(p_login name, p_statement text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    v_answer text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', p_login);
    EXECUTE p_statement INTO v_answer;
    SET LOCAL SESSION AUTHORIZATION DEFAULT;
    RETURN v_answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$f$;


SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_shop_id()'), NULL, 'missing');
SET LOCAL app.current_shop_id = '';
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_shop_id()'), NULL, 'empty, as after any SET LOCAL');
SET LOCAL app.current_shop_id = 'x''; DROP TABLE shops; --';
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_shop_id()'), NULL, 'no uuid');
SELECT is(pg_temp.as_login('neanelu_app', 'SELECT count(*) FROM neanelu.shopify_products'), '0', 'no rows, no error');
SET LOCAL app.current_user_id = 'nobody';
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_user_id()'), NULL, 'a user that is no uuid');
SET LOCAL app.trace_id = '';
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.trace_id()'), NULL, 'an empty trace');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT count(*) FROM neanelu.current_shop'), '0', 'no current shop');

SELECT * FROM finish();
ROLLBACK;

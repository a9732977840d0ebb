BEGIN;
SELECT plan(7);

\ir ../as_login.psql


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

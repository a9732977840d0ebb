BEGIN;
SELECT plan(5);

\ir ../as_login.psql


SELECT is(app.now(), now(), 'the clock is the transaction''s');
SET LOCAL app.now = '2026-01-31 23:59:00Z';
SELECT is(app.now(), '2026-01-31 23:59:00Z'::timestamptz, 'a superuser sets it');
SELECT is(pg_temp.as_login('neanelu_worker', 'SELECT app.now() = now()'), 'true', 'a daemon does not');
SET LOCAL ROLE neanelu_worker;
SELECT set_config('tap.seen', app.now()::text, true);
RESET ROLE;
SELECT is(current_setting('tap.seen')::timestamptz, '2026-01-31 23:59:00Z'::timestamptz, 'a test that takes a daemon''s role keeps the clock');
SET LOCAL app.now = '';
SELECT is(app.now(), now(), 'an empty setting is none');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(5);

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

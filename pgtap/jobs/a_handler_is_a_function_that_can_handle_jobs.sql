BEGIN;
SELECT plan(10);

CREATE FUNCTION pg_temp.bad(p_shop_id uuid) RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb;
CREATE FUNCTION app.good(p_shop_id uuid, p_payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('was', p_payload, 'of', p_shop_id) $$;
GRANT EXECUTE ON FUNCTION app.good(uuid, jsonb) TO neanelu_engine;

SELECT throws_ok($$SELECT jobs.register_handler('tap', 'sync', 'database', 'pg_temp.bad(uuid)')$$, 'NJ004', NULL, 'it takes a shop and a payload');
SELECT throws_ok($$SELECT jobs.register_handler('tap', 'sync', 'database')$$, '23514', NULL, 'there must be one');
SELECT throws_ok($$SELECT jobs.register_handler('tap', 'sync', 'daemon', 'app.good(uuid, jsonb)')$$, '23514', NULL, 'unless a daemon does it');
SELECT throws_ok($$SELECT jobs.register_handler('tap', 'nothing', 'daemon')$$, '23503', NULL, 'in a queue');
SELECT lives_ok($$SELECT jobs.register_handler('tap', 'sync', 'database', 'app.good(uuid, jsonb)', 2, '5 minutes')$$, 'this one is good');
SELECT lives_ok($$SELECT jobs.register_handler('tap', 'sync', 'database', 'app.good(uuid, jsonb)', 2, '5 minutes')$$, 'twice');
SELECT jobs.enqueue('sync', 'tap', NULL, '{"a": 1}');
CREATE TEMP TABLE taken AS SELECT * FROM jobs.claim('{sync}', 'tap', 1);
SELECT is((SELECT runs_in || ' ' || max_attempts || ' ' || (lease_expires_at > clock_timestamp() + interval '4 minutes') FROM taken), 'database 2 true', 'a job of it says so');
SELECT is((SELECT jobs.execute(job_id, token) FROM taken), '{"of": null, "was": {"a": 1}}', 'and is done by it');
SELECT is((SELECT result FROM job_runs WHERE job_name = 'tap'), '{"of": null, "was": {"a": 1}}', 'with its result');
SELECT is_empty($$SELECT job_name FROM job_handlers WHERE runs_in = 'database' AND to_regprocedure(function_name || '(uuid, jsonb)') IS NULL$$,
                'every handler that is registered is there');

SELECT * FROM finish();
ROLLBACK;

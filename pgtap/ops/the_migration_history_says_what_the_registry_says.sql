BEGIN;
SELECT plan(6);

\ir ../as_login.psql


SELECT cmp_ok(ops.refresh_migration_history(), '>=', 0, 'it fills');
SELECT is(ops.refresh_migration_history(), 0, 'and has nothing to do the second time');
SELECT results_eq($$SELECT migration_name::text, checksum::text, success FROM migration_history ORDER BY 1$$,
    $$SELECT project || ':' || change, script_hash, true FROM sqitch.changes WHERE project = 'neanelu' ORDER BY 1$$, 'a row a change');
UPDATE migration_history SET checksum = repeat('0', 40) WHERE migration_name = 'neanelu:schema/core';
INSERT INTO migration_history (migration_name, checksum, success) VALUES ('made/up', repeat('0', 40), true);
SELECT is(ops.refresh_migration_history(), 2, 'what differs is put right');
SELECT is_empty($$SELECT 1 FROM migration_history WHERE checksum = repeat('0', 40)$$, 'the registry wins');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT ops.refresh_migration_history()'), '42501', 'daemons do not write history');

SELECT * FROM finish();
ROLLBACK;

-- Revert neanelu:functions/sync/bare from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP FUNCTION sync._dress(jsonb);
DROP FUNCTION sync._lay_bare(text[]);
DROP FUNCTION sync._inner_references(regclass, text[]);
DROP FUNCTION sync._secondary_indexes(regclass);

COMMIT;

-- Revert neanelu:functions/pim/versions from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.as_of(uuid, timestamptz);
DROP FUNCTION pim.decide(uuid[]);
DROP FUNCTION pim._decide(uuid[], boolean);
DROP FUNCTION pim._write_masters(pim.outcome[]);
DROP FUNCTION pim._came_from_sources(uuid, text);
DROP FUNCTION pim._primary_sources(pim.outcome[]);
DROP FUNCTION pim._main_fields(pim.outcome[]);
DROP FUNCTION pim._category_of(text);
DROP FUNCTION pim._text_of(jsonb);
DROP FUNCTION pim._write_versions(uuid[], pim.outcome[]);
DROP FUNCTION pim._next_versions(uuid[], pim.outcome[]);
DROP FUNCTION pim._lasting(jsonb);
DROP FUNCTION pim._field_entries(pim.outcome[]);
DROP FUNCTION pim._settle_proposals(pim.vote[], pim.option[], pim.outcome[]);
DROP FUNCTION pim._statuses(pim.vote[], pim.option[], pim.outcome[]);
DROP FUNCTION pim._lock_products(uuid[]);

COMMIT;

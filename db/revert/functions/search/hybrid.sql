-- Revert neanelu:functions/search/hybrid from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION search.hybrid(uuid, text, extensions.vector, integer, text);
DROP FUNCTION search._text_hits(uuid, tsquery, text, integer);
DROP FUNCTION search._fuse(uuid[], uuid[], uuid[]);
DROP FUNCTION search._fuzzy_query(uuid, text, regconfig, regconfig, boolean);
DROP FUNCTION search._estimated_rows(boolean, tsquery);
DROP FUNCTION search._alternatives(uuid, text[]);

COMMIT;

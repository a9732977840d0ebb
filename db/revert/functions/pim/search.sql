-- Revert neanelu:functions/pim/search from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.search(text, extensions.vector, text, integer, text);
DROP FUNCTION pim.similar(uuid, integer, text, text);
DROP FUNCTION pim.by_vector(extensions.vector, integer, text, text);
DROP FUNCTION pim._text_hits(tsquery, text, integer);
DROP FUNCTION pim._parse_query(text, text);

COMMIT;

-- Revert neanelu:functions/search/catalogue from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION search.ranked_products(text, integer, integer);
DROP FUNCTION search.products(text, integer, uuid);
DROP FUNCTION search.products_by_tag(text[], boolean, integer, uuid);
DROP FUNCTION search.products_by_metafield(text, text, integer, uuid);
DROP FUNCTION search.products_by_metafield(jsonb, integer, uuid);
DROP FUNCTION search._text_page(uuid, tsquery, uuid, integer);
DROP FUNCTION search._rare_text_page(uuid, tsquery, uuid, integer);
DROP FUNCTION search._common_text_page(uuid, tsquery, uuid, integer);
DROP FUNCTION search._find(uuid, jsonb, text[], text[], uuid, integer);
DROP FUNCTION search._indexed_page(uuid, jsonb, text[], text[], uuid, integer, bigint);
DROP FUNCTION search._matches(uuid, jsonb, text[], text[], bigint);
DROP FUNCTION search._common_page(uuid, jsonb, text[], text[], uuid, integer, bigint);
DROP FUNCTION search._density(uuid, jsonb, text[], text[], uuid);
DROP FUNCTION search._is_common_text(numeric);
DROP FUNCTION search._expected_rows(tsquery);
DROP FUNCTION search._parse_query(text);
DROP FUNCTION search._assert_limit(integer);
DROP TYPE search.ranked_product;
DROP TYPE search.product;

COMMIT;

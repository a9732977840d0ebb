-- Revert neanelu:functions/matching/score from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.candidates(text, text, text, text, integer);
DROP FUNCTION matching._item(uuid, text, text, text, text);
DROP FUNCTION matching._items(uuid[], text[], text[], text[], text[], text[], numeric[], text[]);
DROP FUNCTION matching._compare(neanelu.prod_match_keys[], integer);
DROP FUNCTION matching._compare_with(neanelu.prod_match_keys[], integer[], uuid[]);
DROP FUNCTION matching._score(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[]);
DROP FUNCTION matching._worth_a_look(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[]);
DROP FUNCTION matching._relations(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[]);
DROP FUNCTION matching._cosines(matching.term[], matching.term[], integer[], integer[]);
DROP FUNCTION matching._method(jsonb);
DROP FUNCTION matching._is_sufficient(neanelu.prod_match_keys, neanelu.prod_match_keys, jsonb, numeric);
DROP FUNCTION matching._evidence(neanelu.prod_match_keys, neanelu.prod_match_keys, float4, text, text, text[], numeric);
DROP FUNCTION matching._brand_relation(neanelu.prod_match_keys, neanelu.prod_match_keys);
DROP FUNCTION matching._is_same_code(text[], text[]);
DROP FUNCTION matching._code_pair(text, text);
DROP FUNCTION matching._is_prefix(text, text);
DROP FUNCTION matching._probability(double precision);

COMMIT;

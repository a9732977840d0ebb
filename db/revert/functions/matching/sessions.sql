-- Revert neanelu:functions/matching/sessions from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.match_sessions(uuid[]);
DROP FUNCTION matching.find_links(uuid[]);
DROP FUNCTION matching._suggest_pairs(uuid[], uuid[], double precision[], jsonb[]);
DROP FUNCTION matching._suggest(matching.decision[]);
DROP FUNCTION matching._add_numbers(uuid[]);
DROP FUNCTION matching._record_keys(matching.offer[]);
DROP FUNCTION matching._match(matching.offer[]);
DROP FUNCTION matching._link(matching.offer[], neanelu.prod_match_keys[], matching.decision[]);
DROP FUNCTION matching._create(matching.offer[], neanelu.prod_match_keys[], matching.decision[]);
DROP FUNCTION matching._group(matching.offer[], neanelu.prod_match_keys[], matching.decision[]);
DROP FUNCTION matching._count_members(uuid[]);
DROP FUNCTION matching._leaders(matching.offer[], integer[], integer[], integer[]);
DROP FUNCTION matching._pairs_within(matching.offer[], neanelu.prod_match_keys[], integer[]);
DROP FUNCTION matching._weigh_within(matching.pair[], integer[], uuid[], double precision);
DROP FUNCTION matching._candidates_within(neanelu.prod_match_keys[], integer[]);
DROP FUNCTION matching._decide(matching.offer[], neanelu.prod_match_keys[]);
DROP FUNCTION matching._bands(uuid[]);
DROP FUNCTION matching._lock_records(matching.offer[], neanelu.prod_match_keys[]);
DROP FUNCTION matching._lock(text[]);
DROP FUNCTION matching._records(uuid[]);
DROP FUNCTION matching._source_key(text, text);

COMMIT;

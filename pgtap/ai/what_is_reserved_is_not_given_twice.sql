-- A budget is a promise about a month: reservations count against it until they are settled, and what was spent for good.
BEGIN;
SELECT plan(15);

SELECT ai.set_budget('openai', 1);
SET LOCAL ROLE neanelu_ai;
SELECT lives_ok($$ SELECT ai.reserve_budget('openai', 0.6, 'one') $$, 'what fits is put aside');
SELECT throws_ok($$ SELECT ai.reserve_budget('openai', 0.5, 'two') $$, 'NT002', NULL, 'what does not fit beside it is refused');
SELECT lives_ok($$ SELECT ai.reserve_budget('openai', 0.4, 'three') $$, 'to the last cent');
SELECT lives_ok($$ SELECT ai.reserve_budget('openai', 0, 'four') $$, 'what costs nothing always fits');
SELECT throws_ok($$ SELECT ai.reserve_budget('other', 0.01) $$, 'NT002', NULL, 'a provider without a budget may cost nothing');
SELECT throws_ok($$ SELECT ai.reserve_budget('openai', -1) $$, 'NT007', NULL, 'no cost is negative');
SELECT throws_ok($$ SELECT ai.reserve_budget('openai', NULL) $$, 'NT007', NULL, 'nor unknown');
RESET ROLE;

SELECT is(ai.settle_budget(id), true, 'a reservation is settled') FROM neanelu.ai_reservations WHERE purpose = 'one';
SELECT is(ai.settle_budget(id), false, 'once') FROM neanelu.ai_reservations WHERE purpose = 'one';
SELECT results_eq($$ SELECT spent, reserved, remaining FROM ai.budget_status('openai') $$, $$ VALUES (0::numeric, 0.4::numeric, 0.6::numeric) $$,
                  'what is settled is free again');
SELECT isnt(ai.log_usage('openai', '/v1/embeddings', 0.000002, p_tokens_in => 100), NULL, 'a cost below a hundredth of a cent is recorded');
SELECT results_eq($$ SELECT spent FROM ai.budget_status('openai') $$, $$ VALUES (0.000002::numeric) $$, 'exactly');
SELECT results_eq($$ SELECT cost FROM ai.usage('provider') WHERE key = 'openai' $$, $$ VALUES (0.000002::numeric) $$, 'and told exactly');
SELECT throws_ok($$ SELECT * FROM ai.usage('moon') $$, 'NT006', NULL, 'usage is told by what it is kept by');
SELECT throws_ok($$ SELECT ai.cost_of('openai', 'no-such-model', 1, 1) $$, 'NT001', NULL, 'a model without a price costs nobody knows what');

SELECT * FROM finish();
ROLLBACK;

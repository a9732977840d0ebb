BEGIN;
SELECT plan(9);

SET LOCAL SESSION AUTHORIZATION neanelu_webhooks;
SELECT is(webhooks.receive('none.myshopify.com', 'products/update', 'w', NULL, NULL, NULL, sha256('x'), '{}'), 'unknown_shop', 'the receiver may');
SELECT is(webhooks.receive('none.myshopify.com', 'products/update', 'w', NULL, NULL, NULL, sha256('x'), '{}', false), 'unverified',
          'without a right signature nothing happens');
SELECT lives_ok($$SELECT webhooks.quarantine('none.myshopify.com', 'products/update', 'w', sha256('y'), 'y', 'no JSON')$$, 'and keep what is malformed');
SELECT throws_ok('SELECT * FROM neanelu.webhook_refusals', '42501', NULL, 'but reads no refusals');
SELECT throws_ok('SELECT webhooks.prune(NULL, ''{}'')', '42501', NULL, 'and deletes nothing');
SET LOCAL SESSION AUTHORIZATION neanelu_operator;
SELECT throws_ok($$SELECT webhooks.receive('a', 'b/c', 'w', NULL, NULL, NULL, sha256('x'), '{}')$$, '42501', NULL, 'an operator may not');
SELECT is((SELECT count(*)::integer FROM (SELECT reason, times, detail FROM neanelu.webhook_refusals) AS r), 2, 'and sees what was refused');
SELECT throws_ok('SELECT body FROM neanelu.webhook_refusals', '42501', NULL, 'without the bodies');
SET LOCAL SESSION AUTHORIZATION neanelu_app;
SELECT throws_ok('SELECT webhooks.own_secrets()', '42501', NULL, 'and sealed secrets are for the receiver');

SET LOCAL SESSION AUTHORIZATION DEFAULT;
SELECT * FROM finish();
ROLLBACK;

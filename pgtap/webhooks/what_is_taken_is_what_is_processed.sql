BEGIN;
SELECT plan(3);

SELECT set_eq('SELECT topic FROM webhooks.topics()', 'SELECT topic::text FROM neanelu.webhook_topics', 'every topic that is taken has a processor, and the other way round');
SELECT set_eq($$SELECT topic FROM webhooks.topics() WHERE NOT is_subscribed$$,
              $$VALUES ('customers/data_request'), ('customers/redact'), ('shop/redact')$$, 'only those of erasure are not subscribed to');
SELECT set_eq($$SELECT topic FROM webhooks.topics() WHERE is_for_uninstalled$$,
              $$VALUES ('customers/data_request'), ('customers/redact'), ('shop/redact')$$, 'and only those are taken for a shop that uninstalled');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(25);

CREATE TEMP TABLE made AS
SELECT s.source, harvest.set_scraper(s.source, 'pages', '{"target_url_pattern": "/p/", "pagination_config": {"max_depth": 1}, "retry_config": {"max_attempts": 2, "backoff_seconds": 60}}') AS scraper
  FROM (SELECT harvest.register_source('tap', 'SCRAPER', 'https://a.example/', p_rate_limit => '{"requests_per_second": 0.001, "burst": 3, "concurrency": 2}') AS source) AS s;
CREATE TEMP TABLE claim (LIKE harvest_leases);
PREPARE queue(text[]) AS SELECT e.enqueued, e.known, e.refused FROM made, harvest.enqueue_urls(made.scraper, $1) AS e;
PREPARE claim AS SELECT count(*)::integer FROM harvest.claim_urls('tap', 10);

SELECT results_eq($$EXECUTE queue('{https://a.example/p/1,https://a.example/p/2,https://a.example/p/3,https://a.example/p/4,https://a.example/p/1}')$$, 'VALUES (4, 0, 1)', 'pages are queued once');
SELECT results_eq($$EXECUTE queue('{https://a.example/p/1,https://a.example.evil.example/p/9,https://a.example/x,ftp://a.example/p/1,http://a.example/p/1}')$$, 'VALUES (0, 1, 4)',
                  'what is not of the source or the pattern is refused');
SELECT is((SELECT e.refused FROM made, harvest.enqueue_urls(made.scraper, '{https://a.example/p/5}', p_depth => 2) AS e), 1, 'and what is too deep');
UPDATE scraper_queue SET priority = 9 - right(url, 1)::integer;
SELECT results_eq('EXECUTE claim', ARRAY[2], 'no more at a time than the concurrency');
SELECT results_eq('EXECUTE claim', ARRAY[0], 'while these are under way none');
SELECT is((SELECT o.pending || ' ' || o.processing FROM harvest.outlook() AS o), '2 2', 'the outlook counts both');
SELECT is((SELECT count(*) FROM scraper_runs AS r WHERE r.status = 'running'), 1::bigint, 'a run has begun');

CREATE FUNCTION pg_temp.lease(p_page text) RETURNS harvest_leases LANGUAGE sql AS $f$
    SELECT l.* FROM harvest_leases AS l JOIN scraper_queue AS q ON q.id = l.queue_id WHERE q.url LIKE '%' || p_page
$f$;
CREATE TEMP TABLE first AS SELECT * FROM pg_temp.lease('/1');
SELECT throws_ok('SELECT harvest.complete_url(queue_id, gen_random_uuid(), ''{"status": 200}'', ''x'') FROM first', 'NG005', NULL, 'who has no lease completes nothing');
SELECT results_eq('SELECT c.stored, c.changed, c.enqueued FROM first, harvest.complete_url(first.queue_id, first.token, ''{"status": 200, "headers": {}}'', ''<p>x'', NULL, ''{https://a.example/p/6}'') AS c',
                  'VALUES (1, 0, 1)', 'a page brings a document and links');
SELECT throws_ok('SELECT harvest.complete_url(queue_id, token, ''{"status": 200}'', ''x'') FROM first', 'NG005', NULL, 'once');
SELECT results_eq('EXECUTE claim', ARRAY[1], 'the bucket holds three');
SELECT results_eq('EXECUTE claim', ARRAY[0], 'and is empty then');
SELECT ok((SELECT o.wait > '10 minutes' FROM harvest.outlook() AS o), 'for as long as it takes to refill');

SELECT is((SELECT harvest.fail_url(l.queue_id, l.token, 'NG035', 'broken', true) FROM pg_temp.lease('/2') AS l), 'pending', 'what may pass is tried again');
SELECT ok((SELECT q.next_attempt_at - clock_timestamp() BETWEEN '25 seconds' AND '61 seconds' AND q.error_message = 'NG035: broken' FROM scraper_queue AS q WHERE q.url LIKE '%/2'), 'after a pause');
SELECT is((SELECT harvest.fail_url(l.queue_id, l.token, 'NG030', 'robots', false) FROM pg_temp.lease('/6') AS l), 'failed', 'what will not, is not');
UPDATE harvest_buckets SET tokens = 3;
UPDATE scraper_queue SET next_attempt_at = NULL;
SELECT results_eq('EXECUTE claim', ARRAY[2], 'when its time has come it is claimed again');
SELECT is((SELECT harvest.fail_url(l.queue_id, l.token, 'NG035', 'broken', true) FROM pg_temp.lease('/2') AS l), 'failed', 'until its attempts are used up');
SELECT is((SELECT r.errors_count || ' ' || jsonb_array_length(r.error_log) FROM scraper_runs AS r), '2 3', 'the run counts pages, its log attempts');
SELECT is((SELECT c.success_rate FROM scraper_configs AS c), 33.33, 'and the scraper its success');

SELECT is((SELECT harvest.fail_url(l.queue_id, l.token, 'NG039', '429', true, true, '1 hour') FROM harvest_leases AS l LIMIT 1), 'pending', 'a refusal of the site is not the page''s fault');
SELECT ok((SELECT b.shut_until > clock_timestamp() + '59 minutes' AND b.refusals = 1 FROM harvest_buckets AS b), 'the whole site is left alone');
UPDATE harvest_buckets SET tokens = 3, shut_until = NULL;
UPDATE scraper_queue SET next_attempt_at = NULL;
SELECT harvest.claim_urls('tap', 10);
UPDATE harvest_leases SET expires_at = clock_timestamp() - interval '1 second';
SELECT ok((SELECT count(*) > 0 FROM harvest.claim_urls('other', 10)), 'a lease that ran out gives the page to others');
SELECT is((SELECT array_agg(DISTINCT l.worker) FROM harvest_leases AS l), '{other}', 'and the first has it no more');
SELECT throws_ok($$SET LOCAL ROLE neanelu_tenant; SELECT harvest.claim_urls('t', 1)$$, '42501', NULL, 'tenants harvest nothing');

SELECT * FROM finish();
ROLLBACK;

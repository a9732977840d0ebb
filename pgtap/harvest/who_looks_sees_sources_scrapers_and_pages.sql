BEGIN;
SELECT plan(21);

CREATE TEMP TABLE made AS
SELECT s.source, harvest.set_scraper(s.source, 'pages', '{"target_url_pattern": "/p/", "retry_config": {"max_attempts": 2}, "cookies": {"session": "s3cret"}}') AS scraper
  FROM (SELECT harvest.register_source('acme', 'SCRAPER', 'https://a.example/', 70, 0.8, '{"refresh_hours": 24}', '{"requests_per_second": 1, "burst": 5, "concurrency": 5}') AS source) AS s;
SELECT harvest.register_source('zeta', 'SUPPLIER');
SELECT harvest.enqueue_urls(scraper, '{https://a.example/p/1,https://a.example/p/2,https://a.example/p/3,https://a.example/p/4}') FROM made;
CREATE FUNCTION pg_temp.lease(p_page text) RETURNS harvest_leases LANGUAGE sql AS $f$
    SELECT l.* FROM harvest_leases AS l JOIN scraper_queue AS q ON q.id = l.queue_id WHERE q.url LIKE '%' || p_page
$f$;

SELECT is((SELECT count(*) FROM harvest.claim_urls('tap', 3)), 3::bigint, 'three of four pages are under way');
SELECT harvest.note_crawl_delay(scraper, 1000) FROM made;
SELECT is((SELECT array_agg(DISTINCT crawl_delay) FROM harvest_buckets), '{300}', 'no site may ask for a longer pause than five minutes');
SELECT harvest.note_crawl_delay(scraper, 2.5) FROM made;
SELECT is((SELECT array_agg(DISTINCT crawl_delay) FROM harvest_buckets), '{2.5}', 'the last word of robots.txt counts');
SELECT harvest.note_crawl_delay(scraper, 0) FROM made;
SELECT is((SELECT count(crawl_delay) FROM harvest_buckets), 0::bigint, 'no pause is none');

SELECT throws_ok($$SELECT harvest.release_url(queue_id, gen_random_uuid()) FROM harvest_leases LIMIT 1$$, 'NG005', NULL, 'who has no lease gives nothing back');
CREATE TEMP TABLE given_back AS SELECT l.queue_id, l.token FROM harvest_leases AS l ORDER BY l.queue_id LIMIT 1;
SELECT harvest.release_url(queue_id, token) FROM given_back;
SELECT results_eq('SELECT q.status::text, q.attempts FROM given_back AS g JOIN scraper_queue AS q ON q.id = g.queue_id', $$VALUES ('pending', 0)$$,
    'a page given back waits as though nobody had claimed it');
SELECT throws_ok($$SELECT harvest.release_url(queue_id, token) FROM given_back$$, 'NG005', NULL, 'it is given back once');

CREATE TEMP TABLE left_over AS SELECT * FROM harvest_leases;
SELECT harvest.complete_url(queue_id, token, '{"status": 200, "headers": {}}', '<p>x') FROM left_over ORDER BY queue_id LIMIT 1;
SELECT harvest.fail_url(queue_id, token, 'NG030', 'robots', false) FROM left_over ORDER BY queue_id DESC LIMIT 1;
SELECT results_eq($$SELECT status, count(*) FROM harvest.list_pages() GROUP BY 1 ORDER BY 1$$,
    $$VALUES ('completed', 1::bigint), ('failed', 1), ('pending', 2)$$, 'all pages are listed');
SELECT results_eq($$SELECT l.source, l.scraper, l.attempts, l.max_attempts, l.error_message FROM made, harvest.list_pages(made.source, '{failed}') AS l$$,
    $$VALUES ('acme', 'pages', 1, 2, 'NG030: robots')$$, 'of one source in one state, with what went wrong');
SELECT is_empty($$SELECT * FROM harvest.list_pages(harvest.find_source('zeta'))$$, 'another source has none');
SELECT is((SELECT count(*) FROM harvest.list_pages(p_limit => 2)), 2::bigint, 'no more than asked for');
SELECT results_eq('SELECT name, source_type, base_url, priority, trust_score, is_active, scrapers, documents, queued, failed FROM harvest.list_sources()',
    $$VALUES ('acme', 'SCRAPER', 'https://a.example/', 70, 0.80, true, 1::bigint, 1::bigint, 2::bigint, 1::bigint),
             ('zeta', 'SUPPLIER', NULL, 50, 0.50, true, 0, 0, 0, 0)$$, 'sources are listed with their pages');
SELECT is((SELECT array_agg(l.name) FROM made, harvest.list_sources(made.source) AS l), '{acme}', 'or one of them');
SELECT results_eq('SELECT source, name, target_url_pattern, is_active, pending, processing, completed, failed FROM harvest.list_scrapers()',
    $$VALUES ('acme', 'pages', '/p/', true, 2::bigint, 0::bigint, 1::bigint, 1::bigint)$$, 'scrapers are listed with their queues');
SELECT ok((SELECT l::text NOT LIKE '%s3cret%' FROM harvest.list_scrapers() AS l), 'cookies are not shown');
SELECT results_eq('SELECT source, pending, due, processing, failed, oldest_due_seconds >= 0, shut FROM harvest.metrics()',
    $$VALUES ('acme', 2::bigint, 2::bigint, 0::bigint, 1::bigint, true, false)$$, 'the same as figures');

UPDATE scraper_queue SET last_attempt_at = now() - interval '23 hours' WHERE status = 'completed';
SELECT is(harvest.refresh_pages(), 0, 'a page is not fetched again before its time');
UPDATE scraper_queue SET last_attempt_at = now() - interval '25 hours' WHERE status = 'completed';
SELECT is(harvest.refresh_pages(), 1, 'then it is');
SELECT is(harvest.refresh_pages(), 0, 'once');

SELECT is(harvest.close_runs(), 0, 'a run goes on while pages wait');
DELETE FROM scraper_queue WHERE status = 'pending';
SELECT harvest.close_runs(64);
SELECT results_eq('SELECT status::text, memory_peak_mb FROM scraper_runs', $$VALUES ('completed', 64)$$, 'and ends with the last');

SELECT * FROM finish();
ROLLBACK;

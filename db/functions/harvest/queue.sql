-- Deploy neanelu:functions/harvest/queue to pg
-- requires: functions/harvest/documents
-- Pages to fetch: queued once, claimed within the limits of their site, completed with all that they brought in one
-- transaction, or tried again later. A harvester that dies loses its leases, and others go on.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, app, extensions, pg_temp;

-- In -----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION harvest._belongs(p_url text, p_base_url text, p_pattern text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_url ~ '^https?://[^/]+' AND octet_length(p_url) <= 2000 AND p_url ~ p_pattern
   AND (p_base_url IS NULL OR p_url = rtrim(p_base_url, '/') OR starts_with(p_url, rtrim(p_base_url, '/') || '/')
        OR starts_with(p_url, rtrim(p_base_url, '/') || '?'));
COMMENT ON FUNCTION harvest._belongs(text, text, text) IS
    'Whether a scraper may fetch a URL: http or https, below the source''s base URL, of the scraper''s pattern. Pure. Takes no locks. Raises: 2201B '
    'a pattern that is no regular expression';

CREATE FUNCTION harvest.enqueue_urls(
    p_config_id uuid, p_urls text[], p_priority integer DEFAULT 0, p_depth integer DEFAULT 0, p_parent_url text DEFAULT NULL, p_again boolean DEFAULT false)
RETURNS TABLE (enqueued integer, known integer, refused integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_config neanelu.scraper_configs;
    v_base   text;
    v_urls   text[];
    v_room   bigint;
BEGIN
    SELECT c.* INTO v_config FROM neanelu.scraper_configs AS c WHERE c.id = p_config_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no scraper %', coalesce(p_config_id::text, 'NULL') USING ERRCODE = 'NG009';
    END IF;
    SELECT s.base_url INTO v_base FROM neanelu.prod_sources AS s WHERE s.id = v_config.source_id;
    v_room := (v_config.pagination_config ->> 'max_pages')::bigint
              - CASE WHEN v_config.pagination_config ? 'max_pages' THEN (SELECT count(*) FROM neanelu.scraper_queue AS q WHERE q.config_id = p_config_id) END;
    SELECT array_agg(u.url ORDER BY u.url) INTO v_urls
      FROM (SELECT DISTINCT g.url FROM unnest(p_urls) AS g (url) WHERE harvest._belongs(g.url, v_base, v_config.target_url_pattern)
             ORDER BY g.url LIMIT CASE WHEN v_room IS NOT NULL THEN greatest(v_room, 0) END) AS u
     WHERE p_depth <= coalesce((v_config.pagination_config ->> 'max_depth')::integer, 3);
    refused := cardinality(p_urls) - coalesce(cardinality(v_urls), 0);
    INSERT INTO neanelu.scraper_queue AS q (config_id, url, priority, depth, parent_url, max_attempts)
    SELECT p_config_id, u.url, p_priority, p_depth, p_parent_url, greatest(coalesce((v_config.retry_config ->> 'max_attempts')::integer, 3), 1)
      FROM unnest(v_urls) AS u (url)
    ON CONFLICT (config_id, url) DO UPDATE
       SET status = 'pending', attempts = 0, next_attempt_at = NULL, error_message = NULL, priority = excluded.priority
     WHERE p_again AND q.status IN ('completed', 'failed');
    GET DIAGNOSTICS enqueued = ROW_COUNT;
    known := coalesce(cardinality(v_urls), 0) - enqueued;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION harvest.enqueue_urls(uuid, text[], integer, integer, text, boolean) IS
    'Queues pages for a scraper, each URL once; those that are known are left as they are, unless p_again asks for completed and failed ones again. Refused '
    'are URLs that are not below the source''s base URL or not of the scraper''s pattern, repetitions, and what is deeper than max_depth (3) or beyond max_pages. '
    'Idempotent. Locks: the pages'' rows in the order of their URLs. Raises: NG009 no such scraper, 2201B its pattern is no regular expression';

-- Out ----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION harvest._limits(p_rate_limit jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{"requests_per_second": 1, "burst": 5, "concurrency": 2}'::jsonb || coalesce(p_rate_limit, '{}');
COMMENT ON FUNCTION harvest._limits(jsonb) IS 'A rate limit with the defaults for what it does not say. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._tokens(p_bucket neanelu.harvest_buckets, p_limits jsonb, p_at timestamptz)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(CASE WHEN (p_bucket).crawl_delay IS NULL THEN (p_limits ->> 'burst')::numeric ELSE 1 END,
             (p_bucket).tokens + greatest(extract(epoch FROM p_at - (p_bucket).refilled_at), 0)
                               * least((p_limits ->> 'requests_per_second')::numeric, 1 / (p_bucket).crawl_delay));
COMMENT ON FUNCTION harvest._tokens(neanelu.harvest_buckets, jsonb, timestamptz) IS
    'Fetches that a bucket allows at a moment: what was left and what flowed in since; a crawl delay of robots.txt slows it and allows no burst. Pure. '
    'Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._due_buckets()
RETURNS TABLE (bucket_id uuid, config_ids uuid[], limits jsonb)
LANGUAGE sql STABLE
SET search_path = neanelu, harvest, pg_temp
AS $$
    SELECT b.id, array_agg(c.id), harvest._limits(CASE WHEN b.config_id IS NULL THEN s.rate_limit ELSE (array_agg(c.rate_limit))[1] END)
      FROM neanelu.scraper_configs AS c
      JOIN neanelu.prod_sources AS s ON s.id = c.source_id
      JOIN neanelu.harvest_buckets AS b ON b.source_id = s.id AND b.config_id IS NOT DISTINCT FROM CASE WHEN c.rate_limit IS NOT NULL THEN c.id END
     WHERE c.is_active AND s.is_active
       AND EXISTS (SELECT FROM neanelu.scraper_queue AS q
                    WHERE q.config_id = c.id AND q.status = 'pending' AND (q.next_attempt_at IS NULL OR q.next_attempt_at <= clock_timestamp()))
     GROUP BY b.id, s.id
     ORDER BY b.refilled_at
$$;
COMMENT ON FUNCTION harvest._due_buckets() IS
    'Buckets with pages that may be fetched now, those first that nobody asked for longest. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._make_buckets()
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO neanelu.harvest_buckets (source_id, config_id, tokens, refilled_at)
    SELECT DISTINCT c.source_id, CASE WHEN c.rate_limit IS NOT NULL THEN c.id END, 1000, clock_timestamp()
      FROM neanelu.scraper_configs AS c
     WHERE NOT EXISTS (SELECT FROM neanelu.harvest_buckets AS b
                        WHERE b.source_id = c.source_id AND b.config_id IS NOT DISTINCT FROM CASE WHEN c.rate_limit IS NOT NULL THEN c.id END)
    ON CONFLICT (source_id, config_id) DO NOTHING
$$;
COMMENT ON FUNCTION harvest._make_buckets() IS 'Makes the buckets that are missing, full. Idempotent. Locks: the rows it makes. Raises: nothing';

CREATE FUNCTION harvest._current_run(p_config_id uuid)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_run uuid;
BEGIN
    SELECT r.id INTO v_run FROM neanelu.scraper_runs AS r WHERE r.config_id = p_config_id AND r.status = 'running' ORDER BY r.created_at DESC LIMIT 1;
    IF v_run IS NULL THEN
        INSERT INTO neanelu.scraper_runs AS r (config_id, source_id, status, trigger_type, started_at)
        SELECT c.id, c.source_id, 'running', 'scheduled', clock_timestamp() FROM neanelu.scraper_configs AS c WHERE c.id = p_config_id
        RETURNING r.id INTO v_run;
        UPDATE neanelu.scraper_configs AS c SET last_run_at = clock_timestamp() WHERE c.id = p_config_id;
    END IF;
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION harvest._current_run(uuid) IS
    'The scraper''s run that is under way, begun when there is none; callers hold its bucket. Locks: the scraper''s row when it begins one. Raises: nothing';

CREATE FUNCTION harvest._take(p_bucket_id uuid, p_config_ids uuid[], p_free integer, p_worker text, p_lease interval)
RETURNS uuid[]
LANGUAGE sql VOLATILE
SET search_path = neanelu, harvest, pg_temp
AS $$
    WITH candidates AS (
        SELECT q.id, q.config_id, q.priority, q.created_at
          FROM unnest(p_config_ids) AS c (id)
         CROSS JOIN LATERAL (
                SELECT u.id, u.config_id, u.priority, u.created_at FROM neanelu.scraper_queue AS u
                 WHERE u.config_id = c.id AND u.status = 'pending' AND (u.next_attempt_at IS NULL OR u.next_attempt_at <= clock_timestamp())
                 ORDER BY u.priority DESC, u.created_at LIMIT p_free FOR UPDATE SKIP LOCKED) AS q
    ), chosen AS MATERIALIZED (
        SELECT d.id, d.config_id FROM candidates AS d ORDER BY d.priority DESC, d.created_at LIMIT p_free
    ), runs AS MATERIALIZED (
        SELECT n.config_id, harvest._current_run(n.config_id) AS run_id FROM (SELECT DISTINCT h.config_id FROM chosen AS h) AS n
    ), marked AS (
        UPDATE neanelu.scraper_queue AS q
           SET status = 'processing', attempts = q.attempts + 1, last_attempt_at = clock_timestamp(), next_attempt_at = NULL
          FROM chosen AS h WHERE q.id = h.id
    ), leased AS (
        INSERT INTO neanelu.harvest_leases (queue_id, bucket_id, run_id, worker, expires_at)
        SELECT h.id, p_bucket_id, r.run_id, p_worker, clock_timestamp() + p_lease FROM chosen AS h JOIN runs AS r ON r.config_id = h.config_id
        RETURNING queue_id)
    SELECT array_agg(l.queue_id) FROM leased AS l
$$;
COMMENT ON FUNCTION harvest._take(uuid, uuid[], integer, text, interval) IS
    'Takes up to so many due pages of scrapers that share a bucket, by priority and age; callers hold the bucket. Locks: the pages'' rows (SKIP LOCKED). Raises: nothing';

CREATE FUNCTION harvest._release_expired()
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_pages uuid[];
BEGIN
    WITH gone AS (
        DELETE FROM neanelu.harvest_leases AS l
         WHERE l.queue_id IN (SELECT d.queue_id FROM neanelu.harvest_leases AS d WHERE d.expires_at < clock_timestamp() FOR UPDATE SKIP LOCKED)
        RETURNING l.queue_id)
    SELECT array_agg(g.queue_id) INTO v_pages FROM gone AS g;
    UPDATE neanelu.scraper_queue AS q
       SET status = CASE WHEN q.attempts < q.max_attempts THEN 'pending' ELSE 'failed' END,
           error_message = 'NG043: the harvester died while it fetched the page'
     WHERE q.id = ANY (v_pages) AND q.status = 'processing';
    RETURN coalesce(cardinality(v_pages), 0);
END
$$;
COMMENT ON FUNCTION harvest._release_expired() IS
    'Pages whose lease ran out go back to the queue, or are failed after their last attempt. Returns how many. Idempotent. Locks: leases (SKIP LOCKED), pages. Raises: nothing';

CREATE FUNCTION harvest._claimed(p_queue_ids uuid[])
RETURNS TABLE (
    queue_id uuid, token uuid, config_id uuid, source_id uuid, url text, depth integer, attempt integer, base_url text, pattern text, selectors jsonb,
    pagination jsonb, headers jsonb, cookies jsonb, auth_config jsonb, etag text, last_modified text, proxy_config jsonb)
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT q.id, l.token, c.id, s.id, q.url, q.depth, q.attempts, s.base_url, c.target_url_pattern, c.selectors, coalesce(c.pagination_config, '{}'), c.headers,
           c.cookies, s.auth_config, g.etag, g.last_modified, c.proxy_config
      FROM neanelu.scraper_queue AS q
      JOIN neanelu.harvest_leases AS l ON l.queue_id = q.id
      JOIN neanelu.scraper_configs AS c ON c.id = q.config_id
      JOIN neanelu.prod_sources AS s ON s.id = c.source_id
      LEFT JOIN neanelu.harvest_pages AS g ON g.source_id = s.id AND g.url = q.url
     WHERE q.id = ANY (p_queue_ids)
     ORDER BY q.priority DESC, q.created_at
$$;
COMMENT ON FUNCTION harvest._claimed(uuid[]) IS 'What a harvester must know of pages that it claimed. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.claim_urls(p_worker text, p_limit integer, p_lease interval DEFAULT '5 minutes')
RETURNS TABLE (
    queue_id uuid, token uuid, config_id uuid, source_id uuid, url text, depth integer, attempt integer, base_url text, pattern text, selectors jsonb,
    pagination jsonb, headers jsonb, cookies jsonb, auth_config jsonb, etag text, last_modified text, proxy_config jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_due    record;
    v_bucket neanelu.harvest_buckets;
    v_tokens numeric;
    v_free   integer;
    v_taken  uuid[];
    v_all    uuid[] := CAST('{}' AS uuid[]);
BEGIN
    PERFORM harvest._release_expired();
    PERFORM harvest._make_buckets();
    FOR v_due IN SELECT d.* FROM harvest._due_buckets() AS d LOOP
        EXIT WHEN cardinality(v_all) >= p_limit;
        SELECT b.* INTO v_bucket FROM neanelu.harvest_buckets AS b
         WHERE b.id = v_due.bucket_id AND (b.shut_until IS NULL OR b.shut_until <= clock_timestamp()) FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        v_tokens := harvest._tokens(v_bucket, v_due.limits, clock_timestamp());
        v_free := least(floor(v_tokens), p_limit - cardinality(v_all), (v_due.limits ->> 'concurrency')::integer
                        - (SELECT count(*) FROM neanelu.harvest_leases AS l WHERE l.bucket_id = v_bucket.id));
        CONTINUE WHEN v_free < 1;
        v_taken := coalesce(harvest._take(v_bucket.id, v_due.config_ids, v_free, p_worker, p_lease), '{}');
        UPDATE neanelu.harvest_buckets AS b SET tokens = v_tokens - cardinality(v_taken), refilled_at = greatest(clock_timestamp(), b.refilled_at)
         WHERE b.id = v_bucket.id;
        v_all := v_all || v_taken;
    END LOOP;
    RETURN QUERY SELECT c.* FROM harvest._claimed(v_all) AS c;
END
$$;
COMMENT ON FUNCTION harvest.claim_urls(text, integer, interval) IS
    'Gives a harvester up to p_limit due pages, as far as each site''s rate limit (a token bucket) and concurrency allow, all harvesters together; for p_lease '
    'they are nobody else''s. What they are to be asked with comes along. Not idempotent: commit, then fetch; what is never fetched comes back when the lease runs '
    'out. Locks: buckets and pages (SKIP LOCKED). Raises: nothing';

CREATE FUNCTION harvest.outlook()
RETURNS TABLE (wait interval, pending bigint, processing bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
    WITH configs AS (
        SELECT c.id, b.id AS bucket_id, greatest(b.shut_until, b.refilled_at + make_interval(secs => (greatest(1 - b.tokens, 0)
               / least((m.limits ->> 'requests_per_second')::numeric, 1 / b.crawl_delay))::double precision)) AS open_at
          FROM neanelu.scraper_configs AS c
          JOIN neanelu.prod_sources AS s ON s.id = c.source_id
          LEFT JOIN neanelu.harvest_buckets AS b ON b.source_id = s.id AND b.config_id IS NOT DISTINCT FROM CASE WHEN c.rate_limit IS NOT NULL THEN c.id END
         CROSS JOIN LATERAL (SELECT harvest._limits(coalesce(c.rate_limit, s.rate_limit)) AS limits) AS m
         WHERE c.is_active AND s.is_active
    ), pages AS (
        SELECT c.bucket_id, count(*) AS pending, min(greatest(coalesce(q.next_attempt_at, '-infinity'), coalesce(c.open_at, '-infinity'))) AS due_at
          FROM configs AS c JOIN neanelu.scraper_queue AS q ON q.config_id = c.id AND q.status = 'pending'
         GROUP BY c.bucket_id
    )
    SELECT CASE WHEN count(*) > 0 THEN greatest(min(p.due_at) - clock_timestamp(), interval '0') END, coalesce(sum(p.pending), 0)::bigint,
           (SELECT count(*) FROM neanelu.harvest_leases AS l WHERE l.expires_at >= clock_timestamp())
      FROM pages AS p
$$;
COMMENT ON FUNCTION harvest.outlook() IS
    'How long a harvester may sleep before the rate limits, closed sites and pauses let it claim again (NULL: nothing is queued), and what is queued and '
    'under way. Takes no locks. Raises: nothing';

-- Back ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION harvest._end_lease(p_queue_id uuid, p_token uuid)
RETURNS neanelu.harvest_leases
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_lease neanelu.harvest_leases;
BEGIN
    DELETE FROM neanelu.harvest_leases AS l WHERE l.queue_id = p_queue_id AND l.token = p_token RETURNING l.* INTO v_lease;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease on page % is lost', p_queue_id USING ERRCODE = 'NG005';
    END IF;
    RETURN v_lease;
END
$$;
COMMENT ON FUNCTION harvest._end_lease(uuid, uuid) IS 'Ends a lease that the caller proves to have. Locks: the lease. Raises: NG005 it is lost';

CREATE FUNCTION harvest._count_page(p_run_id uuid, p_config_id uuid, p_stored integer, p_changed integer, p_error jsonb, p_is_final boolean)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.scraper_runs AS r
       SET pages_crawled = r.pages_crawled + (p_error IS NULL)::integer, products_found = r.products_found + p_stored,
           products_updated = r.products_updated + p_changed, errors_count = r.errors_count + (p_error IS NOT NULL AND p_is_final)::integer,
           error_log = CASE WHEN p_error IS NULL THEN r.error_log
                            WHEN jsonb_array_length(r.error_log) < 100 THEN r.error_log || p_error ELSE (r.error_log - 0) || p_error END
     WHERE r.id = p_run_id;
    UPDATE neanelu.scraper_configs AS c SET success_rate = t.rate
      FROM (SELECT round(100.0 * sum(r.pages_crawled) / nullif(sum(r.pages_crawled + r.errors_count), 0), 2) AS rate
              FROM (SELECT l.* FROM neanelu.scraper_runs AS l WHERE l.config_id = p_config_id ORDER BY l.created_at DESC LIMIT 10) AS r) AS t
     WHERE c.id = p_config_id AND c.success_rate IS DISTINCT FROM t.rate
$$;
COMMENT ON FUNCTION harvest._count_page(uuid, uuid, integer, integer, jsonb, boolean) IS
    'Counts a page for its run, keeps the last hundred errors, and the scraper''s success rate over its last ten runs. Locks: the run''s and the scraper''s rows. Raises: nothing';

CREATE FUNCTION harvest._store_page(p_source_id uuid, p_url text, p_page jsonb, p_html text, p_documents jsonb)
RETURNS TABLE (stored integer, changed integer)
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_document record;
    v_known    boolean;
    v_outcome  text;
BEGIN
    stored := 0;
    changed := 0;
    FOR v_document IN
        SELECT coalesce(e.doc ->> 'url', p_url) AS url, e.doc -> 'json' AS json, e.doc ->> 'source_product_id' AS product_id, e.doc ->> 'hash' AS hash, e.ord
          FROM jsonb_array_elements(CASE WHEN p_documents = '[]' OR p_documents IS NULL THEN jsonb_build_array(jsonb_build_object('hash', p_page -> 'hash'))
                                         ELSE p_documents END) WITH ORDINALITY AS e (doc, ord)
         ORDER BY e.ord
    LOOP
        v_known := EXISTS (SELECT FROM neanelu.harvest_pages AS g WHERE g.source_id = p_source_id AND g.url = v_document.url);
        SELECT s.outcome INTO v_outcome
          FROM harvest.store(p_source_id, v_document.url, CASE WHEN v_document.ord = 1 THEN p_html END, nullif(v_document.json, 'null'),
                             (p_page ->> 'status')::integer, p_page -> 'headers', v_document.hash, v_document.product_id) AS s;
        stored := stored + (v_outcome = 'stored')::integer;
        changed := changed + (v_outcome = 'stored' AND v_known)::integer;
    END LOOP;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION harvest._store_page(uuid, text, jsonb, text, jsonb) IS
    'Stores what a page brought: a document for each product in it (the HTML with the first), or the page alone. Locks: as harvest.store. Raises: as harvest.store';

CREATE FUNCTION harvest.complete_url(
    p_queue_id uuid, p_token uuid, p_page jsonb, p_html text DEFAULT NULL, p_documents jsonb DEFAULT NULL, p_links text[] DEFAULT '{}')
RETURNS TABLE (stored integer, changed integer, enqueued integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_lease  constant neanelu.harvest_leases := harvest._end_lease(p_queue_id, p_token);
    v_page   neanelu.scraper_queue;
    v_source uuid;
BEGIN
    UPDATE neanelu.scraper_queue AS q SET status = 'completed', error_message = NULL WHERE q.id = p_queue_id RETURNING q.* INTO STRICT v_page;
    SELECT c.source_id INTO STRICT v_source FROM neanelu.scraper_configs AS c WHERE c.id = v_page.config_id;
    IF (p_page ->> 'status')::integer = 304 THEN
        UPDATE neanelu.harvest_pages AS g SET checked_at = now() WHERE g.source_id = v_source AND g.url = v_page.url;
        stored := 0;
        changed := 0;
    ELSE
        SELECT s.stored, s.changed INTO stored, changed FROM harvest._store_page(v_source, v_page.url, p_page, p_html, p_documents) AS s;
    END IF;
    enqueued := 0;
    IF cardinality(p_links) > 0 THEN
        SELECT e.enqueued INTO enqueued FROM harvest.enqueue_urls(v_page.config_id, p_links, v_page.priority, v_page.depth + 1, v_page.url) AS e;
    END IF;
    UPDATE neanelu.harvest_buckets AS b SET refusals = 0, shut_until = NULL WHERE b.id = v_lease.bucket_id AND b.refusals > 0;
    PERFORM harvest._count_page(v_lease.run_id, v_page.config_id, stored, changed, NULL, true);
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION harvest.complete_url(uuid, uuid, jsonb, text, jsonb, text[]) IS
    'A claimed page was fetched: p_page is {"status", "headers", "hash"} (304: unchanged), p_documents [{"url", "source_product_id", "json", "hash"}] the products in it, '
    'p_links what it leads to. Stores what is new, queues the links, counts, in one transaction. A second call finds the lease gone, so it is safe after a crash. '
    'Locks: lease, page, source (advisory), run. Raises: NG005 the lease is lost, NG003 the source is not active';

CREATE FUNCTION harvest._pause(p_attempts integer, p_seconds numeric)
RETURNS interval
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN make_interval(secs => (least(p_seconds * 2 ^ least(greatest(p_attempts - 1, 0), 12), 21600) * (0.5 + random() / 2))::double precision);
COMMENT ON FUNCTION harvest._pause(integer, numeric) IS
    'The pause after so many attempts: doubled each time, at most six hours, up to a half of it less at random. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.fail_url(
    p_queue_id uuid, p_token uuid, p_code text, p_message text, p_may_pass boolean, p_is_refusal boolean DEFAULT false, p_retry_after interval DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_lease   constant neanelu.harvest_leases := harvest._end_lease(p_queue_id, p_token);
    v_error   constant text := left(p_code || ': ' || p_message, 1000);
    v_wait    constant interval := CASE WHEN p_retry_after IS NOT NULL THEN least(p_retry_after, interval '1 day') END;
    v_seconds numeric;
    v_bucket  neanelu.harvest_buckets;
    v_page    neanelu.scraper_queue;
BEGIN
    SELECT coalesce((c.retry_config ->> 'backoff_seconds')::numeric, 30) INTO v_seconds
      FROM neanelu.scraper_queue AS q JOIN neanelu.scraper_configs AS c ON c.id = q.config_id WHERE q.id = p_queue_id;
    IF p_is_refusal THEN
        UPDATE neanelu.harvest_buckets AS b
           SET refusals = b.refusals + 1,
               shut_until = greatest(b.shut_until, clock_timestamp() + coalesce(v_wait, harvest._pause(b.refusals + 1, v_seconds)))
         WHERE b.id = v_lease.bucket_id RETURNING b.* INTO v_bucket;
    END IF;
    -- A page is not to blame for its site: the first ten refusals in a row do not count as its attempts.
    UPDATE neanelu.scraper_queue AS q
       SET attempts = q.attempts - (p_is_refusal AND v_bucket.refusals <= 10 AND q.attempts > 0)::integer,
           status = CASE WHEN p_may_pass AND (q.attempts < q.max_attempts OR p_is_refusal AND v_bucket.refusals <= 10) THEN 'pending' ELSE 'failed' END,
           next_attempt_at = clock_timestamp() + greatest(v_wait, harvest._pause(q.attempts, v_seconds)), error_message = v_error
     WHERE q.id = p_queue_id RETURNING q.* INTO STRICT v_page;
    PERFORM harvest._count_page(v_lease.run_id, v_page.config_id, 0, 0,
                                jsonb_build_object('url', v_page.url, 'error', v_error, 'timestamp', now()), v_page.status = 'failed');
    RETURN v_page.status;
END
$$;
COMMENT ON FUNCTION harvest.fail_url(uuid, uuid, text, text, boolean, boolean, interval) IS
    'A claimed page was not fetched. What may pass is tried again after a pause that doubles (retry_config.backoff_seconds, 30), until max_attempts; p_is_refusal '
    '(429, 503) leaves the whole site alone, for p_retry_after where the server said so (at most a day). Returns pending or failed. A second call finds the lease gone. '
    'Locks: lease, bucket, page, run. Raises: NG005 the lease is lost';

CREATE FUNCTION harvest.release_url(p_queue_id uuid, p_token uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
BEGIN
    PERFORM harvest._end_lease(p_queue_id, p_token);
    UPDATE neanelu.scraper_queue AS q SET status = 'pending', attempts = greatest(q.attempts - 1, 0) WHERE q.id = p_queue_id;
END
$$;
COMMENT ON FUNCTION harvest.release_url(uuid, uuid) IS
    'Gives a claimed page back, as though it had not been claimed. Locks: lease, page. Raises: NG005 the lease is lost';

CREATE FUNCTION harvest.note_crawl_delay(p_config_id uuid, p_seconds numeric)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.harvest_buckets AS b SET crawl_delay = d.seconds
      FROM neanelu.scraper_configs AS c, (SELECT CASE WHEN p_seconds > 0 THEN least(p_seconds, 300) END) AS d (seconds)
     WHERE c.id = p_config_id AND b.source_id = c.source_id AND (b.config_id IS NULL OR b.config_id = c.id)
       AND b.crawl_delay IS DISTINCT FROM d.seconds
$$;
COMMENT ON FUNCTION harvest.note_crawl_delay(uuid, numeric) IS
    'Remembers the pause between fetches that a site''s robots.txt asks for (at most five minutes); NULL: none. Idempotent. Locks: buckets. Raises: nothing';

CREATE FUNCTION harvest.close_runs(p_memory_peak_mb integer DEFAULT NULL)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH ended AS (
        UPDATE neanelu.scraper_runs AS r
           SET status = CASE WHEN r.pages_crawled = 0 AND r.errors_count > 0 THEN 'failed' ELSE 'completed' END, completed_at = clock_timestamp(),
               duration_ms = least(extract(epoch FROM clock_timestamp() - r.started_at) * 1000, 2147483647)::integer,
               memory_peak_mb = greatest(p_memory_peak_mb, r.memory_peak_mb)
         WHERE r.status = 'running'
           AND NOT EXISTS (SELECT FROM neanelu.scraper_queue AS q WHERE q.config_id = r.config_id AND q.status IN ('pending', 'processing'))
        RETURNING r.id)
    SELECT count(*)::integer FROM ended
$$;
COMMENT ON FUNCTION harvest.close_runs(integer) IS
    'Ends the runs of scrapers that have nothing left to fetch: failed when no page at all could be fetched. Returns how many. Idempotent. Locks: the runs. Raises: nothing';

CREATE FUNCTION harvest.metrics()
RETURNS TABLE (source text, pending bigint, due bigint, processing bigint, failed bigint, oldest_due_seconds double precision, shut boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.name, count(*) FILTER (WHERE q.status = 'pending'), count(*) FILTER (WHERE q.status = 'pending' AND coalesce(q.next_attempt_at, '-infinity') <= now()),
           count(*) FILTER (WHERE q.status = 'processing'), count(*) FILTER (WHERE q.status = 'failed'),
           extract(epoch FROM now() - min(coalesce(q.next_attempt_at, q.created_at))
               FILTER (WHERE q.status = 'pending' AND coalesce(q.next_attempt_at, '-infinity') <= now()))::double precision,
           coalesce((SELECT bool_or(b.shut_until > now()) FROM neanelu.harvest_buckets AS b WHERE b.source_id = s.id), false)
      FROM neanelu.prod_sources AS s
      JOIN neanelu.scraper_configs AS c ON c.source_id = s.id
      JOIN neanelu.scraper_queue AS q ON q.config_id = c.id
     GROUP BY s.id, s.name
$$;
COMMENT ON FUNCTION harvest.metrics() IS 'The queue by source, for Prometheus. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.list_pages(p_source_id uuid DEFAULT NULL, p_statuses text[] DEFAULT NULL, p_limit integer DEFAULT 50)
RETURNS TABLE (
    source text, scraper text, url text, status text, attempts integer, max_attempts integer, depth integer, last_attempt_at timestamptz,
    next_attempt_at timestamptz, error_message text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.name, c.name, q.url, q.status, q.attempts, q.max_attempts, q.depth, q.last_attempt_at, q.next_attempt_at, q.error_message
      FROM neanelu.scraper_queue AS q
      JOIN neanelu.scraper_configs AS c ON c.id = q.config_id
      JOIN neanelu.prod_sources AS s ON s.id = c.source_id
     WHERE (p_source_id IS NULL OR s.id = p_source_id) AND (p_statuses IS NULL OR q.status = ANY (p_statuses))
     ORDER BY coalesce(q.last_attempt_at, q.created_at) DESC, q.id DESC
     LIMIT p_limit
$$;
COMMENT ON FUNCTION harvest.list_pages(uuid, text[], integer) IS 'Pages of the queue, latest first. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.refresh_pages()
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH due AS (
        UPDATE neanelu.scraper_queue AS q SET status = 'pending', attempts = 0, next_attempt_at = NULL, error_message = NULL
          FROM neanelu.scraper_configs AS c JOIN neanelu.prod_sources AS s ON s.id = c.source_id
         WHERE q.config_id = c.id AND c.is_active AND s.is_active AND q.status = 'completed'
           AND q.last_attempt_at < now() - make_interval(hours => (s.config ->> 'refresh_hours')::integer)
        RETURNING q.id)
    SELECT count(*)::integer FROM due
$$;
COMMENT ON FUNCTION harvest.refresh_pages() IS
    'Queues pages again that were fetched longer ago than their source''s config says (refresh_hours; without it never). Returns how many. Idempotent. Locks: the pages. Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    harvest.claim_urls(text, integer, interval), harvest.complete_url(uuid, uuid, jsonb, text, jsonb, text[]),
    harvest.fail_url(uuid, uuid, text, text, boolean, boolean, interval), harvest.release_url(uuid, uuid), harvest.note_crawl_delay(uuid, numeric),
    harvest.close_runs(integer), harvest.outlook(), harvest.metrics()
    TO neanelu_harvester;
GRANT EXECUTE ON FUNCTION harvest.enqueue_urls(uuid, text[], integer, integer, text, boolean) TO neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION harvest.list_pages(uuid, text[], integer), harvest.metrics(), harvest.outlook() TO neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION harvest.refresh_pages() TO neanelu_operator, neanelu_worker;

COMMIT;

-- Deploy neanelu:functions/harvest/sources to pg
-- requires: policies/harvest
-- requires: functions/app/context
-- Sources and scrapers: made, changed and listed.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, app, extensions, pg_temp;

CREATE FUNCTION harvest._assert_rate_limit(p_rate_limit jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_bad text;
BEGIN
    IF p_rate_limit IS NULL THEN
        RETURN;
    END IF;
    IF jsonb_typeof(p_rate_limit) = 'object' THEN
        SELECT string_agg(e.key, ', ') INTO v_bad
          FROM jsonb_each(p_rate_limit) AS e
         WHERE e.key NOT IN ('requests_per_second', 'burst', 'concurrency') OR jsonb_typeof(e.value) <> 'number'
            OR NOT CASE e.key WHEN 'requests_per_second' THEN e.value > '0' AND e.value <= '1000'
                              WHEN 'burst' THEN e.value >= '1' AND e.value <= '1000'
                              ELSE e.value >= '1' AND e.value <= '100' END;
    ELSE
        v_bad := jsonb_typeof(p_rate_limit);
    END IF;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not a rate limit: %', v_bad
            USING ERRCODE = 'NG007', HINT = '{"requests_per_second": up to 1000, "burst": 1 to 1000, "concurrency": 1 to 100}';
    END IF;
END
$$;
COMMENT ON FUNCTION harvest._assert_rate_limit(jsonb) IS
    'Refuses a rate limit that is not of its form; NULL is none. Takes no locks. Raises: NG007';

CREATE FUNCTION harvest._assert_auth(p_auth_config jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The secret is found by a name of letters that gets a prefix, so that nobody makes the harvester send another one of its secrets.
    IF p_auth_config IS NULL OR (jsonb_typeof(p_auth_config) = 'object' AND p_auth_config ->> 'secret' ~ '^[A-Z][A-Z0-9_]{0,63}$'
        AND coalesce(p_auth_config ->> 'header', 'Authorization') ~ '^[A-Za-z][A-Za-z0-9-]{0,63}$'
        AND p_auth_config - '{secret,header,prefix}'::text[] = '{}') THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'auth_config names a secret and holds none'
        USING ERRCODE = 'NG008', HINT = '{"secret": "ACME", "header": "Authorization", "prefix": "Bearer "} sends NEANELU_SOURCE_SECRET_ACME';
END
$$;
COMMENT ON FUNCTION harvest._assert_auth(jsonb) IS
    'Refuses what is no reference to a secret; NULL is none. Takes no locks. Raises: NG008';

CREATE FUNCTION harvest._assert_proxy(p_proxy_config jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_proxy_config IS NULL OR (jsonb_typeof(p_proxy_config) = 'object' AND p_proxy_config - '{url,secret}'::text[] = '{}'
        AND p_proxy_config ->> 'url' ~* '^http://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?$'
        AND coalesce(p_proxy_config ->> 'secret', 'X') ~ '^[A-Z][A-Z0-9_]{0,63}$') THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'proxy_config is no HTTP proxy, or holds a password instead of naming it'
        USING ERRCODE = 'NG008', HINT = '{"url": "http://proxy.example:3128", "secret": "PROXY"}; NEANELU_SOURCE_SECRET_PROXY is user:password';
END
$$;
COMMENT ON FUNCTION harvest._assert_proxy(jsonb) IS
    'Refuses what is no HTTP proxy with a reference to its password; NULL is none. Takes no locks. Raises: NG008';

CREATE FUNCTION harvest.register_source(
    p_name text, p_source_type text, p_base_url text DEFAULT NULL, p_priority integer DEFAULT 50, p_trust_score numeric DEFAULT 0.5,
    p_config jsonb DEFAULT '{}', p_rate_limit jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    IF p_name IS NULL OR btrim(p_name) = '' OR length(p_name) > 100 THEN
        RAISE EXCEPTION 'a source has a name of 1 to 100 characters' USING ERRCODE = 'NG001';
    END IF;
    IF p_base_url !~ '^https?://[^/]+' THEN
        RAISE EXCEPTION 'a base URL begins with http:// or https://' USING ERRCODE = 'NG001';
    END IF;
    PERFORM harvest._assert_rate_limit(p_rate_limit);
    SELECT s.id INTO v_id FROM neanelu.prod_sources AS s WHERE s.name = p_name;
    IF v_id IS NULL THEN
        INSERT INTO neanelu.prod_sources AS s (name, source_type, base_url, priority, trust_score, config, rate_limit)
        VALUES (p_name, upper(p_source_type), p_base_url, p_priority, p_trust_score, p_config, p_rate_limit)
        ON CONFLICT (name) DO UPDATE SET updated_at = s.updated_at  -- made meanwhile
        RETURNING s.id INTO v_id;
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION harvest.register_source(text, text, text, integer, numeric, jsonb, jsonb) IS
    'Makes a source, or returns the one of that name as it is; harvest.set_source changes it. Idempotent by name. Locks: the row it makes. '
    'Raises: NG001 name or URL, NG007 rate limit, 23514 a type, priority or trust that is none';

CREATE FUNCTION harvest.set_source(p_source_id uuid, p_changes jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_old neanelu.prod_sources;
    v_new neanelu.prod_sources;
BEGIN
    IF p_changes - '{base_url,priority,trust_score,config,rate_limit,auth_config,is_active}'::text[] <> '{}' THEN
        RAISE EXCEPTION 'this cannot be set: %', p_changes - '{base_url,priority,trust_score,config,rate_limit,auth_config,is_active}'::text[]
            USING ERRCODE = 'NG001';
    END IF;
    IF p_changes ->> 'base_url' !~ '^https?://[^/]+' THEN
        RAISE EXCEPTION 'a base URL begins with http:// or https://' USING ERRCODE = 'NG001';
    END IF;
    PERFORM harvest._assert_rate_limit(nullif(p_changes -> 'rate_limit', 'null'));
    PERFORM harvest._assert_auth(nullif(p_changes -> 'auth_config', 'null'));
    SELECT s.* INTO v_old FROM neanelu.prod_sources AS s WHERE s.id = p_source_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no source %', p_source_id USING ERRCODE = 'NG002';
    END IF;
    v_new := jsonb_populate_record(v_old, jsonb_strip_nulls(p_changes - '{rate_limit,auth_config,config}'::text[]));
    UPDATE neanelu.prod_sources AS s
       SET base_url = v_new.base_url, priority = v_new.priority, trust_score = v_new.trust_score, is_active = v_new.is_active,
           -- Keys of config are set one by one; null takes a key away.
           config = jsonb_strip_nulls(v_old.config || coalesce(nullif(p_changes -> 'config', 'null'), '{}')),
           rate_limit = CASE WHEN p_changes ? 'rate_limit' THEN nullif(p_changes -> 'rate_limit', 'null') ELSE v_old.rate_limit END,
           auth_config = CASE WHEN p_changes ? 'auth_config' THEN nullif(p_changes -> 'auth_config', 'null') ELSE v_old.auth_config END,
           updated_at = now()
     WHERE s.id = p_source_id
       AND (v_old.config || coalesce(nullif(p_changes -> 'config', 'null'), '{}'), v_new.base_url, v_new.priority, v_new.trust_score, v_new.is_active)
           IS DISTINCT FROM (v_old.config, v_old.base_url, v_old.priority, v_old.trust_score, v_old.is_active)
        OR s.id = p_source_id AND p_changes ?| '{rate_limit,auth_config}';
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION harvest.set_source(uuid, jsonb) IS
    'Changes a source: {"base_url", "priority", "trust_score", "config" (key by key), "rate_limit", "auth_config", "is_active"}. Returns whether anything '
    'changed. Idempotent. Locks: the source''s row. Raises: NG001 a key or URL that is none, NG002 no such source, NG007 rate limit, NG008 auth_config, '
    '23514 a priority or trust that is none';

CREATE FUNCTION harvest.find_source(p_name text)
RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    SELECT s.id INTO v_id FROM neanelu.prod_sources AS s WHERE s.name = p_name OR s.id::text = p_name ORDER BY s.name = p_name DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no source %', p_name USING ERRCODE = 'NG002', HINT = 'neanelu sources list; a new one: neanelu sources add NAME --type SUPPLIER';
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION harvest.find_source(text) IS 'Id of the source with that name, or with that id. Takes no locks. Raises: NG002 no such source';

CREATE FUNCTION harvest.source_settings(p_source_id uuid)
RETURNS TABLE (name text, source_type text, is_active boolean, config jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.name, s.source_type, s.is_active, s.config FROM neanelu.prod_sources AS s WHERE s.id = p_source_id
$$;
COMMENT ON FUNCTION harvest.source_settings(uuid) IS 'What an import needs to know of a source. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.list_sources(p_source_id uuid DEFAULT NULL)
RETURNS TABLE (
    id uuid, name text, source_type text, base_url text, priority integer, trust_score numeric, is_active boolean, config jsonb, rate_limit jsonb,
    auth_config jsonb, last_harvest_at timestamptz, scrapers bigint, documents bigint, queued bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.id, s.name, s.source_type, s.base_url, s.priority, s.trust_score, s.is_active, s.config, s.rate_limit, s.auth_config,
           s.last_harvest_at, (SELECT count(*) FROM neanelu.scraper_configs AS c WHERE c.source_id = s.id),
           (SELECT count(*) FROM neanelu.harvest_pages AS p WHERE p.source_id = s.id), coalesce(q.queued, 0), coalesce(q.failed, 0)
      FROM neanelu.prod_sources AS s
      LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE u.status IN ('pending', 'processing')) AS queued, count(*) FILTER (WHERE u.status = 'failed') AS failed
              FROM neanelu.scraper_queue AS u JOIN neanelu.scraper_configs AS c ON c.id = u.config_id WHERE c.source_id = s.id) AS q ON true
     WHERE p_source_id IS NULL OR s.id = p_source_id
     ORDER BY s.name
$$;
COMMENT ON FUNCTION harvest.list_sources(uuid) IS 'All sources, or one, with pages known and queued. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.set_scraper(p_source_id uuid, p_name text, p_changes jsonb)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_given constant jsonb := jsonb_strip_nulls(p_changes);
    v_old   neanelu.scraper_configs;
    v_new   neanelu.scraper_configs;
BEGIN
    IF p_changes - '{scraper_type,target_url_pattern,selectors,pagination_config,rate_limit,retry_config,headers,cookies,proxy_config,is_active}'::text[] <> '{}' THEN
        RAISE EXCEPTION 'a scraper has no such setting' USING ERRCODE = 'NG001', DETAIL = p_changes::text;
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.prod_sources AS s WHERE s.id = p_source_id) THEN
        RAISE EXCEPTION 'there is no source %', p_source_id USING ERRCODE = 'NG002';
    END IF;
    PERFORM harvest._assert_rate_limit(v_given -> 'rate_limit');
    PERFORM harvest._assert_proxy(v_given -> 'proxy_config');
    PERFORM regexp_like('', coalesce(v_given ->> 'target_url_pattern', ''));
    SELECT c.* INTO v_old FROM neanelu.scraper_configs AS c WHERE c.source_id = p_source_id AND c.name = p_name FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO neanelu.scraper_configs (source_id, name, scraper_type, target_url_pattern, selectors)
        VALUES (p_source_id, p_name, 'HTTP', coalesce(v_given ->> 'target_url_pattern', '.'), '{}')
        ON CONFLICT (source_id, name) DO NOTHING;
        SELECT c.* INTO STRICT v_old FROM neanelu.scraper_configs AS c WHERE c.source_id = p_source_id AND c.name = p_name FOR UPDATE;
    END IF;
    v_new := jsonb_populate_record(v_old, v_given);
    UPDATE neanelu.scraper_configs AS c
       SET scraper_type = v_new.scraper_type, target_url_pattern = v_new.target_url_pattern, selectors = v_new.selectors,
           pagination_config = v_new.pagination_config, rate_limit = CASE WHEN p_changes -> 'rate_limit' = 'null' THEN NULL ELSE v_new.rate_limit END,
           retry_config = v_new.retry_config, headers = v_new.headers, cookies = v_new.cookies, is_active = v_new.is_active,
           proxy_config = CASE WHEN p_changes -> 'proxy_config' = 'null' THEN NULL ELSE v_new.proxy_config END, updated_at = now()
     WHERE c.id = v_old.id AND (v_new IS DISTINCT FROM v_old OR 'null' IN (p_changes -> 'rate_limit', p_changes -> 'proxy_config'));
    RETURN v_old.id;
END
$$;
COMMENT ON FUNCTION harvest.set_scraper(uuid, text, jsonb) IS
    'Makes or changes the scraper of that name at a source: {"target_url_pattern", "selectors", "pagination_config", "rate_limit", "retry_config", '
    '"headers", "cookies", "proxy_config", "is_active"}; what is not given stays. Idempotent. Locks: the scraper''s row. Raises: NG001 no such setting, NG002 no such source, '
    'NG007 rate limit, NG008 proxy_config, 2201B a pattern that is no regular expression';

CREATE FUNCTION harvest.list_scrapers(p_source_id uuid DEFAULT NULL)
RETURNS TABLE (
    id uuid, source_id uuid, source text, name text, target_url_pattern text, selectors jsonb, pagination_config jsonb, rate_limit jsonb,
    retry_config jsonb, is_active boolean, last_run_at timestamptz, success_rate numeric, pending bigint, processing bigint, completed bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT c.id, s.id, s.name, c.name, c.target_url_pattern, c.selectors, c.pagination_config, c.rate_limit, c.retry_config, c.is_active AND s.is_active,
           c.last_run_at, c.success_rate, q.pending, q.processing, q.completed, q.failed
      FROM neanelu.scraper_configs AS c
      JOIN neanelu.prod_sources AS s ON s.id = c.source_id
     CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE u.status = 'pending') AS pending, count(*) FILTER (WHERE u.status = 'processing') AS processing,
                   count(*) FILTER (WHERE u.status = 'completed') AS completed, count(*) FILTER (WHERE u.status = 'failed') AS failed
              FROM neanelu.scraper_queue AS u WHERE u.config_id = c.id) AS q
     WHERE p_source_id IS NULL OR c.source_id = p_source_id
     ORDER BY s.name, c.name
$$;
COMMENT ON FUNCTION harvest.list_scrapers(uuid) IS
    'Scrapers with their queues, of one source or all; headers and cookies are not shown. Takes no locks. Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    harvest.register_source(text, text, text, integer, numeric, jsonb, jsonb), harvest.set_source(uuid, jsonb), harvest.set_scraper(uuid, text, jsonb)
    TO neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION harvest.list_sources(uuid), harvest.list_scrapers(uuid), harvest.find_source(text)
    TO neanelu_operator, neanelu_pim_editor, neanelu_analyst;
GRANT EXECUTE ON FUNCTION harvest.find_source(text), harvest.source_settings(uuid) TO neanelu_harvester;

COMMIT;

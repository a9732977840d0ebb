-- Deploy neanelu:functions/harvest/documents to pg
-- requires: functions/harvest/sources
-- Documents come in: one page, or many records of a feed. The same content of the same page is stored once.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, app, extensions, pg_temp;

CREATE FUNCTION harvest._open_source(p_source_id uuid)
RETURNS neanelu.prod_sources
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_source neanelu.prod_sources;
BEGIN
    -- Who compares and stores documents of a source does it alone.
    PERFORM pg_advisory_xact_lock(hashtextextended('harvest ' || p_source_id, 0));
    SELECT s.* INTO v_source FROM neanelu.prod_sources AS s WHERE s.id = p_source_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no source %', coalesce(p_source_id::text, 'NULL') USING ERRCODE = 'NG002', HINT = 'neanelu sources list';
    END IF;
    IF NOT v_source.is_active THEN
        RAISE EXCEPTION 'the source % is not active', v_source.name USING ERRCODE = 'NG003', HINT = 'neanelu sources set NAME --active';
    END IF;
    RETURN v_source;
END
$$;
COMMENT ON FUNCTION harvest._open_source(uuid) IS
    'The source, when documents of it may be stored. Locks: an advisory lock of the source until the commit. Raises: NG002 no such source, '
    'NG003 it is not active';

CREATE FUNCTION harvest._note_page(
    p_source_id uuid, p_url text, p_hash text, p_harvest_id uuid, p_fetched_at timestamptz, p_etag text DEFAULT NULL, p_last_modified text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO neanelu.harvest_pages (source_id, url, content_hash, harvest_id, fetched_at, checked_at, etag, last_modified)
    VALUES (p_source_id, p_url, p_hash, p_harvest_id, p_fetched_at, now(), left(p_etag, 250), left(p_last_modified, 50))
    ON CONFLICT (source_id, url) DO UPDATE
       SET content_hash = excluded.content_hash, harvest_id = excluded.harvest_id, fetched_at = excluded.fetched_at,
           checked_at = excluded.checked_at, etag = excluded.etag, last_modified = excluded.last_modified
$$;
COMMENT ON FUNCTION harvest._note_page(uuid, text, text, uuid, timestamptz, text, text) IS
    'Remembers the newest document of a page and what the server wants to hear next time. Locks: the page''s row. Raises: 23514 a URL over 2000 bytes';

CREATE FUNCTION harvest.store(
    p_source_id uuid, p_url text, p_html text, p_json jsonb, p_http_status integer, p_headers jsonb, p_content_hash text,
    p_source_product_id text DEFAULT NULL, p_target_sku text DEFAULT NULL)
RETURNS TABLE (harvest_id uuid, fetched_at timestamptz, outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_source constant neanelu.prod_sources := harvest._open_source(p_source_id);
    v_page   neanelu.harvest_pages;
    v_hash   constant text := coalesce(p_content_hash, encode(sha256(convert_to(coalesce(p_html, p_json::text), 'UTF8')), 'hex'));
BEGIN
    SELECT p.* INTO v_page FROM neanelu.harvest_pages AS p WHERE p.source_id = p_source_id AND p.url = p_url;
    harvest_id := v_page.harvest_id;
    fetched_at := v_page.fetched_at;
    outcome := 'unchanged';
    IF v_page.content_hash IS DISTINCT FROM v_hash THEN
        INSERT INTO neanelu.prod_raw_harvest AS h (source_id, source_url, source_product_id, target_sku, raw_html, raw_json, http_status,
                                                   response_headers, content_hash, ttl_expires_at)
        VALUES (p_source_id, p_url, left(coalesce(p_source_product_id, p_url), 255), p_target_sku, p_html, p_json, p_http_status,
                p_headers - 'set-cookie', v_hash, now() + make_interval(hours => (v_source.config ->> 'refresh_hours')::integer))
        RETURNING h.id, h.fetched_at INTO harvest_id, fetched_at;
        outcome := 'stored';
    END IF;
    PERFORM harvest._note_page(p_source_id, p_url, v_hash, harvest_id, fetched_at, p_headers ->> 'etag', p_headers ->> 'last-modified');
    UPDATE neanelu.prod_sources AS s SET last_harvest_at = now()
     WHERE s.id = p_source_id AND (s.last_harvest_at IS NULL OR s.last_harvest_at < now() - interval '10 seconds');
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION harvest.store(uuid, text, text, jsonb, integer, jsonb, text, text, text) IS
    'Stores one document, unless the newest one of the same URL has the same content; says which of the two. Without a source''s own key of the product '
    'the URL is its key. Without a hash the content is hashed here. Idempotent. Locks: the source (advisory) and the page''s row. '
    'Raises: NG002 no such source, NG003 not active, 23514 neither HTML nor JSON, a hash that is none, or a URL over 2000 bytes';

CREATE FUNCTION harvest._feed_records(p_source neanelu.prod_sources, p_records jsonb)
RETURNS TABLE (ord bigint, url text, product_id text, doc jsonb, hash text)
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT e.ord,
           coalesce(e.record ->> 'url', 'feed:' || p_source.name || '#' || (e.record ->> 'source_product_id')),
           left(coalesce(e.record ->> 'source_product_id', e.record ->> 'url'), 255),
           e.record -> 'json',
           coalesce(e.record ->> 'hash', encode(sha256(convert_to((e.record -> 'json')::text, 'UTF8')), 'hex'))
      FROM jsonb_array_elements(p_records) WITH ORDINALITY AS e (record, ord)
$$;
COMMENT ON FUNCTION harvest._feed_records(neanelu.prod_sources, jsonb) IS
    'Records of harvest.store_many as rows. Pure. Takes no locks. Raises: 22023 when p_records is no array';

CREATE FUNCTION harvest.store_many(p_source_id uuid, p_records jsonb)
RETURNS TABLE (stored integer, unchanged integer, superseded integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_source constant neanelu.prod_sources := harvest._open_source(p_source_id);
BEGIN
    IF EXISTS (SELECT FROM jsonb_array_elements(p_records) AS e (record)
                WHERE coalesce(e.record ->> 'source_product_id', e.record ->> 'url', '') = '' OR jsonb_typeof(e.record -> 'json') IS DISTINCT FROM 'object') THEN
        RAISE EXCEPTION 'a record has neither source_product_id nor url, or its json is no object' USING ERRCODE = 'NG004';
    END IF;
    WITH given AS MATERIALIZED (
        SELECT DISTINCT ON (r.url) r.* FROM harvest._feed_records(v_source, p_records) AS r ORDER BY r.url, r.ord DESC
    ), changed AS MATERIALIZED (
        SELECT g.*, uuidv7() AS id FROM given AS g
         WHERE NOT EXISTS (SELECT FROM neanelu.harvest_pages AS p WHERE p.source_id = p_source_id AND p.url = g.url AND p.content_hash = g.hash)
         ORDER BY g.ord
    ), documents AS (
        INSERT INTO neanelu.prod_raw_harvest (id, source_id, source_url, source_product_id, raw_json, content_hash)
        SELECT c.id, p_source_id, c.url, c.product_id, c.doc, c.hash FROM changed AS c ORDER BY c.ord
    ), pages AS (
        INSERT INTO neanelu.harvest_pages (source_id, url, content_hash, harvest_id, fetched_at)
        SELECT p_source_id, c.url, c.hash, c.id, now() FROM changed AS c ORDER BY c.url
        ON CONFLICT (source_id, url) DO UPDATE
           SET content_hash = excluded.content_hash, harvest_id = excluded.harvest_id, fetched_at = excluded.fetched_at, checked_at = now()
    )
    SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM given) - (SELECT count(*) FROM changed),
           jsonb_array_length(p_records) - (SELECT count(*) FROM given)
      INTO stored, unchanged, superseded;
    UPDATE neanelu.prod_sources AS s SET last_harvest_at = now()
     WHERE s.id = p_source_id AND (s.last_harvest_at IS NULL OR s.last_harvest_at < now() - interval '10 seconds');
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION harvest.store_many(uuid, jsonb) IS
    'Stores records of a feed, [{"source_product_id", "url", "json", "hash"}], as one set: new and changed ones become documents (URL feed:NAME#RECORD where '
    'none is given), unchanged ones do not, of several of the same product the last one counts (the others are superseded). Idempotent. '
    'Locks: the source (advisory), pages'' rows in the order of their URLs. Raises: NG002 no such source, NG003 not active, NG004 a record that has no key or no object';

CREATE FUNCTION harvest.document(p_harvest_id uuid)
RETURNS TABLE (id uuid, fetched_at timestamptz, source_id uuid, source_url text, source_product_id text, raw_json jsonb, processing_status text, html_length integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT h.id, h.fetched_at, h.source_id, h.source_url, h.source_product_id, h.raw_json, h.processing_status, length(h.raw_html)
      FROM neanelu.prod_raw_harvest AS h WHERE h.id = p_harvest_id
$$;
COMMENT ON FUNCTION harvest.document(uuid) IS 'One document without its HTML. Takes no locks. Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    harvest.store(uuid, text, text, jsonb, integer, jsonb, text, text, text), harvest.store_many(uuid, jsonb)
    TO neanelu_harvester, neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION harvest.document(uuid) TO neanelu_pim_editor, neanelu_operator, neanelu_analyst;

COMMIT;

-- Deploy neanelu:functions/privacy/requests to pg
-- requires: policies/privacy
-- requires: functions/audit/capture
-- requires: functions/sync/merge
-- requires: functions/jobs/schedule
-- Shopify's three privacy topics: what a customer's data are, how a person or a shop is erased from every place, and the
-- proof that nothing is left. A webhook only records the request (handle); a job fulfils it (fulfil).

BEGIN;

SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, privacy, app, extensions, pg_temp;

CREATE TABLE privacy.raw_places (
    table_name text NOT NULL,
    shop_rows  text NOT NULL DEFAULT 't.shop_id = $1',
    done_rows  text NOT NULL DEFAULT 'true',
    blank      text,
    CONSTRAINT raw_places_pkey PRIMARY KEY (table_name)
);
COMMENT ON TABLE privacy.raw_places IS
    'Tables of schema neanelu that keep what came in as it came: their rows are deleted, or blanked, when they mention a person who is erased. '
    'Each module adds its own in its deploy script. Read by the functions of this schema.';
COMMENT ON COLUMN privacy.raw_places.table_name IS 'Table of schema neanelu.';
COMMENT ON COLUMN privacy.raw_places.shop_rows IS 'SQL: which of its rows (t) belong to the shop ($1).';
COMMENT ON COLUMN privacy.raw_places.done_rows IS 'SQL: which of them (t) nothing waits for any more; only those are erased.';
COMMENT ON COLUMN privacy.raw_places.blank IS 'SQL: assignments that take the person out of a row that stays; null: the row is deleted.';
GRANT SELECT ON privacy.raw_places TO neanelu_engine;

INSERT INTO privacy.raw_places (table_name, shop_rows, blank) VALUES
    ('webhook_events', DEFAULT, NULL),
    ('bulk_lines', 't.bulk_run_id IN (SELECT r.id FROM neanelu.bulk_runs AS r WHERE r.shop_id = $1)', NULL),
    ('webhook_refusals', 't.shop_domain = (SELECT s.shopify_domain::text FROM neanelu.shops AS s WHERE s.id = $1)', NULL),
    ('bulk_errors', DEFAULT, $$error_message = 'erased', object_gid = NULL, payload = NULL, raw = NULL$$),
    ('bulk_error_chunks', DEFAULT, NULL),
    ('staging_customers', DEFAULT, NULL),
    ('staging_orders', DEFAULT, NULL);
INSERT INTO privacy.raw_places (table_name, done_rows, blank) VALUES
    ('job_runs', $$t.status NOT IN ('waiting', 'active')$$,
     $$payload = '{"erased": true}', result = NULL, error_message = CASE WHEN t.error_message IS NOT NULL THEN 'erased' END, error_stack = NULL$$);

SET LOCAL ROLE neanelu_engine;

-- Whom it is about ---------------------------------------------------------------------------------------------------

CREATE FUNCTION privacy._subject_digest(p_shop_id uuid, p_customer_number text)
RETURNS bytea
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN sha256(convert_to(p_shop_id::text || '/' || p_customer_number, 'UTF8'));
COMMENT ON FUNCTION privacy._subject_digest(uuid, text) IS
    'What stays of a customer who was erased: a digest that only who has the number can ask for. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION privacy._order_numbers(p_shop_id uuid, p_payload jsonb)
RETURNS bigint[]
LANGUAGE sql
STABLE
SET search_path = neanelu, pg_temp
AS $body$
    SELECT coalesce(array_agg(DISTINCT o.legacy_resource_id), '{}')
      FROM shopify_orders AS o
      LEFT JOIN shopify_customers AS c ON c.shop_id = o.shop_id AND c.id = o.customer_id
     WHERE o.shop_id = p_shop_id
       AND (c.legacy_resource_id::text = p_payload #>> '{customer,id}'
            OR o.legacy_resource_id::text IN (SELECT jsonb_array_elements_text(coalesce(p_payload -> 'orders_to_redact', p_payload -> 'orders_requested', '[]'))))
$body$;
COMMENT ON FUNCTION privacy._order_numbers(uuid, jsonb) IS
    'Numbers of the orders that a request is about: those it names and all of the customer''s. Reads only. Raises: nothing';

CREATE FUNCTION privacy._identifiers(p_shop_id uuid, p_payload jsonb)
RETURNS text[]
LANGUAGE sql
STABLE
SET search_path = neanelu, privacy, extensions, pg_temp
AS $body$
    SELECT coalesce(array_agg(DISTINCT lower(i.value)), '{}')
      FROM (SELECT 'gid://shopify/Customer/' || (p_payload #>> '{customer,id}')
            UNION ALL SELECT p_payload #>> '{customer,email}' UNION ALL SELECT p_payload #>> '{customer,phone}'
            UNION ALL
            SELECT unnest(ARRAY[c.email::text, c.phone]) FROM shopify_customers AS c
             WHERE c.shop_id = p_shop_id AND c.legacy_resource_id::text = p_payload #>> '{customer,id}'
            UNION ALL
            SELECT unnest(ARRAY[o.email::text, o.phone]) FROM shopify_orders AS o
             WHERE o.shop_id = p_shop_id AND o.legacy_resource_id = ANY (privacy._order_numbers(p_shop_id, p_payload))) AS i (value)
     WHERE length(i.value) >= 5
$body$;
COMMENT ON FUNCTION privacy._identifiers(uuid, jsonb) IS
    'What identifies a customer and nobody else, in lower case: id, e-mail addresses and telephone numbers of the request, the customer and the orders. '
    'Reads only. Raises: nothing';

CREATE FUNCTION privacy._particulars(p_shop_id uuid, p_payload jsonb)
RETURNS text[]
LANGUAGE sql
STABLE
SET search_path = neanelu, privacy, extensions, pg_temp
AS $body$
    WITH person AS (
        SELECT c.* FROM shopify_customers AS c
         WHERE c.shop_id = p_shop_id AND c.legacy_resource_id::text = p_payload #>> '{customer,id}'),
    orders AS (
        SELECT o.* FROM shopify_orders AS o
         WHERE o.shop_id = p_shop_id AND o.legacy_resource_id = ANY (privacy._order_numbers(p_shop_id, p_payload))),
    addresses AS (
        SELECT jsonb_array_elements(addresses || coalesce(jsonb_build_array(default_address), '[]')) AS a FROM person
        UNION ALL SELECT shipping_address FROM orders UNION ALL SELECT billing_address FROM orders)
    SELECT coalesce(array_agg(DISTINCT lower(i.value)), '{}')
      FROM (SELECT unnest(ARRAY[display_name, first_name || ' ' || last_name]) FROM person
            UNION ALL SELECT unnest(ARRAY[a ->> 'name', a ->> 'address1', a ->> 'phone']) FROM addresses) AS i (value)
     WHERE length(i.value) >= 5
$body$;
COMMENT ON FUNCTION privacy._particulars(uuid, jsonb) IS
    'What a customer may share with others, in lower case: full names, first address lines and telephone numbers of addresses. Reads only. Raises: nothing';

CREATE FUNCTION privacy._pattern(p_identifiers text[])
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    -- Numbers must not match the beginning of longer ones. bytea is compared in its hexadecimal form.
    SELECT format('(?:%s)(?![0-9])|%s',
                  string_agg(regexp_replace(i, '([^[:alnum:] @])', '\\\1', 'g'), '|'),
                  string_agg(encode(convert_to(i, 'UTF8'), 'hex'), '|'))
      FROM unnest(p_identifiers) AS i
    HAVING count(*) > 0
$body$;
COMMENT ON FUNCTION privacy._pattern(text[]) IS
    'A regular expression, for ~*, that finds any of the identifiers in the text of a row; NULL for none. Pure. Raises: nothing';

-- Proof --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION privacy._relations()
RETURNS TABLE (relation regclass, shop_rows text)
LANGUAGE sql
STABLE
SET search_path = neanelu, privacy, pg_catalog, pg_temp
AS $body$
    SELECT c.oid::regclass,
           coalesce(p.shop_rows, CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'shop_id')
                                      THEN 't.shop_id = $1' WHEN c.oid = 'neanelu.shops'::regclass THEN 't.id = $1' ELSE '$1 IS NOT NULL' END)
      FROM pg_class AS c
      LEFT JOIN privacy.raw_places AS p ON c.relnamespace = 'neanelu'::regnamespace AND p.table_name = c.relname
     WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
       AND (c.relnamespace = 'neanelu'::regnamespace OR c.relnamespace = 'pgmq'::regnamespace AND c.relname ~ '^[qa]_')
$body$;
COMMENT ON FUNCTION privacy._relations() IS
    'Everything that could hold personal data: all tables and materialized views of schema neanelu, all queues and their archives; and SQL for '
    'which rows (t) are the shop''s ($1). Reads the catalogue only. Raises: nothing';

CREATE FUNCTION privacy.find_traces(p_shop_id uuid, p_identifiers text[])
RETURNS TABLE (relation text, rows_found bigint)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, privacy, app, extensions, pg_temp
AS $body$
DECLARE
    v_pattern constant text := privacy._pattern(p_identifiers);
    -- Found by LIKE first, which costs a third of the pattern: nearly no row gets as far as that.
    v_likes   constant text[] := ARRAY(
        SELECT '%' || f.form || '%'
          FROM unnest(p_identifiers) AS i
         CROSS JOIN LATERAL unnest(ARRAY[regexp_replace(lower(i), '([\\%_])', '\\\1', 'g'), encode(convert_to(i, 'UTF8'), 'hex')]) AS f (form));
    v_place   record;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_identifiers IS NULL THEN
        RAISE EXCEPTION 'nothing to look for' USING ERRCODE = 'NP001';
    END IF;
    FOR v_place IN SELECT r.relation AS name, r.shop_rows FROM privacy._relations() AS r WHERE v_pattern IS NOT NULL ORDER BY r.relation::text LOOP
        EXECUTE format('SELECT count(*) FROM %s AS t WHERE (%s) AND lower(t::text) LIKE ANY ($3) AND t::text ~* $2', v_place.name, v_place.shop_rows)
           INTO STRICT rows_found USING p_shop_id, v_pattern, v_likes;
        IF rows_found > 0 THEN
            relation := v_place.name::text;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION privacy.find_traces(uuid, text[]) IS
    'Where the database still mentions a person: every table and queue, every column of the shop''s rows, searched for any of the identifiers. '
    'No row is the good answer. Reads everything, so it takes its time. Takes no locks. Raises: NA002 the login may not work for the shop, NP001 the identifiers are null';

-- Erasure ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION privacy._erase_raw(p_shop_id uuid, p_pattern text)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, privacy, extensions, pg_temp
AS $body$
DECLARE
    v_place record;
    v_rows  bigint;
    v_done  jsonb := jsonb '{}';
BEGIN
    FOR v_place IN SELECT p.* FROM privacy.raw_places AS p ORDER BY p.table_name LOOP
        EXECUTE format(CASE WHEN v_place.blank IS NULL THEN 'DELETE FROM neanelu.%1$I AS t WHERE (%3$s) AND (%4$s) AND ($2 IS NULL OR t::text ~* $2)'
                            ELSE 'UPDATE neanelu.%1$I AS t SET %2$s WHERE (%3$s) AND (%4$s) AND ($2 IS NULL OR t::text ~* $2)' END,
                       v_place.table_name, v_place.blank, v_place.shop_rows, v_place.done_rows)
          USING p_shop_id, p_pattern;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_done := v_done || CASE WHEN v_rows > 0 THEN jsonb_build_object(v_place.table_name, v_rows) ELSE '{}' END;
    END LOOP;
    RETURN v_done;
END
$body$;
COMMENT ON FUNCTION privacy._erase_raw(uuid, text) IS
    'Deletes or blanks the raw data of a shop that match the pattern, or all of them when it is NULL. Returns rows a table. Idempotent. '
    'Locks: those rows. Raises: nothing of its own';

CREATE FUNCTION privacy._erase_audit(p_shop_id uuid, p_pattern text)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_rows bigint;
BEGIN
    SET LOCAL app.erasing = 'on';
    UPDATE audit_logs AS a
       SET old_values = CASE WHEN a.old_values IS NOT NULL THEN (SELECT coalesce(jsonb_object_agg(k, '[erased]'), '{}') FROM jsonb_object_keys(a.old_values) AS k) END,
           new_values = CASE WHEN a.new_values IS NOT NULL THEN (SELECT coalesce(jsonb_object_agg(k, '[erased]'), '{}') FROM jsonb_object_keys(a.new_values) AS k) END,
           ip_address = NULL, user_agent = NULL
     WHERE a.shop_id = p_shop_id
       AND (p_pattern IS NULL OR a.old_values::text ~* p_pattern OR a.new_values::text ~* p_pattern OR a.user_agent ~* p_pattern);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    SET LOCAL app.erasing = '';
    RETURN v_rows;
END
$body$;
COMMENT ON FUNCTION privacy._erase_audit(uuid, text) IS
    'Blanks the images of audit entries that match, or all of a shop''s: who changed which columns of which row when stays, the values go. '
    'Idempotent. Locks: those entries. Raises: nothing of its own';

CREATE FUNCTION privacy._erase_orders(p_shop_id uuid, p_numbers bigint[])
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, extensions, pg_temp
AS $body$
DECLARE
    v_rows bigint;
BEGIN
    UPDATE shopify_orders AS o
       SET email = NULL, phone = NULL, shipping_address = NULL, billing_address = NULL, customer_id = NULL, customer_locale = NULL,
           tags = '{}', note = NULL, note_attributes = '[]', source_identifier = NULL,
           line_items = (SELECT coalesce(jsonb_agg(i.item - '{customAttributes,properties,note}'::text[] ORDER BY i.n), '[]')
                           FROM jsonb_array_elements(o.line_items) WITH ORDINALITY AS i (item, n)),
           updated_at = now()
     WHERE o.shop_id = p_shop_id AND (p_numbers IS NULL OR o.legacy_resource_id = ANY (p_numbers));
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$body$;
COMMENT ON FUNCTION privacy._erase_orders(uuid, bigint[]) IS
    'Takes the person out of orders and keeps what accounting needs: numbers, times, amounts, taxes, items. All of the shop''s when NULL. '
    'Idempotent. Locks: those orders. Raises: nothing of its own';

CREATE FUNCTION privacy._erase_customers(p_shop_id uuid, p_number text)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, extensions, pg_temp
AS $body$
DECLARE
    v_rows bigint;
BEGIN
    UPDATE shopify_customers AS c
       SET email = NULL, phone = NULL, first_name = NULL, last_name = NULL, display_name = NULL, verified_email = NULL,
           accepts_marketing = NULL, accepts_marketing_updated_at = NULL, marketing_opt_in_level = NULL, tags = '{}', locale = NULL, note = NULL,
           default_address = NULL, addresses = '[]', metafields = '{}', tax_exempt = NULL, tax_exemptions = '{}',
           updated_at_shopify = greatest(c.updated_at_shopify, clock_timestamp()),
           deleted_at = coalesce(c.deleted_at, clock_timestamp()), deletion_reason = 'erasure', updated_at = now()
     WHERE c.shop_id = p_shop_id AND (p_number IS NULL OR c.legacy_resource_id::text = p_number);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$body$;
COMMENT ON FUNCTION privacy._erase_customers(uuid, text) IS
    'Empties customers and marks them erased. The number alone stays, dated now, so that what was said of the person before is recognised as '
    'older when it arrives late. All of the shop''s when NULL. Idempotent. Locks: those customers. Raises: nothing of its own';

CREATE FUNCTION privacy._export_customer(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, privacy, extensions, pg_temp
AS $body$
    SELECT jsonb_build_object(
        'customer', (SELECT jsonb_agg(to_jsonb(c) - '{id,shop_id,synced_at}'::text[]) FROM shopify_customers AS c
                      WHERE c.shop_id = p_shop_id AND c.legacy_resource_id::text = p_payload #>> '{customer,id}'),
        'orders', (SELECT jsonb_agg(to_jsonb(o) - '{id,shop_id,customer_id,synced_at}'::text[] ORDER BY o.legacy_resource_id) FROM shopify_orders AS o
                    WHERE o.shop_id = p_shop_id AND o.legacy_resource_id = ANY (privacy._order_numbers(p_shop_id, p_payload))),
        'elsewhere', (SELECT jsonb_object_agg(t.relation, t.rows_found)
                        FROM privacy.find_traces(p_shop_id, privacy._identifiers(p_shop_id, p_payload) || privacy._particulars(p_shop_id, p_payload)) AS t
                       WHERE t.relation NOT IN ('shopify_customers', 'shopify_orders', 'privacy_requests')))
$body$;
COMMENT ON FUNCTION privacy._export_customer(uuid, jsonb) IS
    'Everything kept of a customer: the record, the orders, and in which other tables the person is mentioned. Reads only. Raises: NP001';

CREATE FUNCTION privacy._traces_of_erased(p_shop_id uuid, p_number text, p_identifiers text[], p_particulars text[])
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, privacy, pg_temp
AS $body$
    SELECT coalesce(jsonb_object_agg(f.relation, f.rows_found), '{}')
      FROM (SELECT t.relation, t.rows_found - CASE t.relation WHEN 'shopify_customers' THEN (
                       -- the number of an erased customer is its own tombstone
                       SELECT count(*) FROM shopify_customers AS c
                        WHERE c.shop_id = p_shop_id AND c.deletion_reason = 'erasure' AND c.legacy_resource_id::text = p_number) ELSE 0 END AS rows_found
              FROM privacy.find_traces(p_shop_id, p_identifiers) AS t
            UNION ALL
            -- names and addresses in other people's rows are theirs
            SELECT t.relation, t.rows_found FROM privacy.find_traces(p_shop_id, p_particulars) AS t
             WHERE cardinality(p_particulars) > 0 AND t.relation NOT IN ('shopify_customers', 'shopify_orders')) AS f
     WHERE f.relation <> 'privacy_requests' AND f.rows_found > 0
$body$;
COMMENT ON FUNCTION privacy._traces_of_erased(uuid, text, text[], text[]) IS
    'Where a customer who was just erased is still mentioned, less what is no trace: the row that holds the number, and what the person shares with others. '
    'Reads only. Raises: NP001';

CREATE FUNCTION privacy._erase_customer(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, privacy, sync, pg_temp
AS $body$
DECLARE
    v_number constant text := p_payload #>> '{customer,id}';
    v_identifiers text[];
    v_particulars text[];
    v_orders      bigint[];
    v_done        jsonb;
BEGIN
    -- No merge meanwhile; it would bring back what it staged before.
    PERFORM sync.lock_resource(p_shop_id, 'customers');
    PERFORM sync.lock_resource(p_shop_id, 'orders');
    v_identifiers := privacy._identifiers(p_shop_id, p_payload);
    v_particulars := privacy._particulars(p_shop_id, p_payload);
    v_orders := privacy._order_numbers(p_shop_id, p_payload);
    v_done := privacy._erase_raw(p_shop_id, privacy._pattern(
        v_identifiers || ARRAY(SELECT 'gid://shopify/order/' || o FROM unnest(v_orders) AS o)));
    v_done := v_done || jsonb_build_object(
        'shopify_orders', privacy._erase_orders(p_shop_id, v_orders),
        'shopify_customers', privacy._erase_customers(p_shop_id, v_number),
        'audit_logs', privacy._erase_audit(p_shop_id, privacy._pattern(v_identifiers || v_particulars)));
    RETURN jsonb_build_object('erased', v_done, 'traces', privacy._traces_of_erased(p_shop_id, v_number, v_identifiers, v_particulars));
END
$body$;
COMMENT ON FUNCTION privacy._erase_customer(uuid, jsonb) IS
    'Erases one customer from mirror, raw data, queues and audit images, keeps the orders'' figures, and says what was done and where the person '
    'is still mentioned. Idempotent. Locks: customers and orders of the shop against merges, the rows it changes. Raises: NP001';

CREATE FUNCTION privacy._erase_shop(p_shop_id uuid)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, privacy, sync, pg_temp
AS $body$
DECLARE
    v_done jsonb;
    v_rows bigint;
BEGIN
    PERFORM sync.lock_resource(p_shop_id, r.resource) FROM (SELECT s.resource FROM sync_resources AS s ORDER BY s.resource) AS r;
    v_done := privacy._erase_raw(p_shop_id, NULL) || jsonb_build_object(
        'shopify_orders', privacy._erase_orders(p_shop_id, NULL),
        'shopify_customers', privacy._erase_customers(p_shop_id, NULL));
    DELETE FROM app_sessions AS a WHERE a.shop_id = p_shop_id;
    DELETE FROM oauth_nonces AS n WHERE n.shop_id = p_shop_id;
    DELETE FROM oauth_states AS o USING shops AS s WHERE s.id = p_shop_id AND o.shop_domain = s.shopify_domain;
    DELETE FROM shopify_metaobjects AS m WHERE m.shop_id = p_shop_id;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_done := v_done || jsonb_build_object('shopify_metaobjects', v_rows);
    UPDATE key_rotations AS k SET initiated_by = NULL, initiated_by_shop_id = NULL WHERE k.initiated_by_shop_id = p_shop_id;
    DELETE FROM staff_users AS u WHERE u.shop_id = p_shop_id;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_done := v_done || jsonb_build_object('staff_users', v_rows);
    DELETE FROM sync_digests AS d WHERE d.shop_id = p_shop_id;
    UPDATE shops AS s SET settings = '{}', webhook_secret = NULL, updated_at = clock_timestamp() WHERE s.id = p_shop_id;
    UPDATE privacy_requests AS p SET export = NULL, export_expires_at = NULL WHERE p.shop_id = p_shop_id AND p.export IS NOT NULL;
    -- last, as the deletes above were audited
    RETURN jsonb_build_object('erased', v_done || jsonb_build_object('audit_logs', privacy._erase_audit(p_shop_id, NULL)), 'traces', '{}'::jsonb);
END
$body$;
COMMENT ON FUNCTION privacy._erase_shop(uuid) IS
    'Erases a shop that uninstalled: customers, staff, sessions, free texts, all raw data, metaobjects and the values in the audit log. What stays is '
    'the shop''s registration, catalogue, stock and the figures of its orders, without persons. Idempotent. Locks: all resources of the shop '
    'against merges, the rows it changes. Raises: nothing of its own';

-- Requests -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION privacy.handle(p_shop_id uuid, p_topic text, p_payload jsonb)
RETURNS uuid
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, privacy, jobs, app, pg_temp
AS $body$
DECLARE
    v_digest constant bytea := sha256(convert_to(p_topic || ' ' || p_payload::text, 'UTF8'));
    v_id     uuid;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic <> 'shop/redact' AND coalesce(p_payload #>> '{customer,id}', '') !~ '^[0-9]{1,19}$' THEN
        RAISE EXCEPTION 'a % without the customer''s id', p_topic USING ERRCODE = 'NP002';
    END IF;
    INSERT INTO privacy_requests (shop_id, topic, request_digest, subject_digest, payload)
    VALUES (p_shop_id, p_topic, v_digest,
            CASE WHEN p_topic <> 'shop/redact' THEN privacy._subject_digest(p_shop_id, p_payload #>> '{customer,id}') END, p_payload)
    ON CONFLICT (shop_id, request_digest) WHERE status = 'received' DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        RETURN (SELECT p.id FROM privacy_requests AS p WHERE p.shop_id = p_shop_id AND p.request_digest = v_digest AND p.status = 'received');
    END IF;
    -- A job of the platform, not of the shop: uninstalling stops the shop's jobs.
    PERFORM jobs.enqueue('maintenance', 'privacy.fulfil', NULL, jsonb_build_object('shop_id', p_shop_id, 'request_id', v_id));
    RETURN v_id;
END
$body$;
COMMENT ON FUNCTION privacy.handle(uuid, text, jsonb) IS
    'Takes a request of a privacy webhook and enqueues the job that fulfils it. Returns the request''s id. Idempotent while the request is open. '
    'Locks: nothing but its row. Raises: NA002 the login may not work for the shop, NP002 no customer id, 23514 no privacy topic';

CREATE FUNCTION privacy.fulfil(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, privacy, pg_temp
AS $body$
DECLARE
    v_request privacy_requests;
    v_result  jsonb := jsonb '{}';
    v_export  jsonb;
    v_status  text;
BEGIN
    SELECT p.* INTO v_request FROM privacy_requests AS p
     WHERE p.shop_id = coalesce(p_shop_id, (p_payload ->> 'shop_id')::uuid) AND p.id = (p_payload ->> 'request_id')::uuid FOR UPDATE;
    IF v_request.id IS NULL THEN
        RAISE EXCEPTION 'there is no privacy request %', p_payload ->> 'request_id' USING ERRCODE = 'NP003';
    ELSIF v_request.status <> 'received' THEN
        RETURN v_request.result;
    END IF;
    IF v_request.topic = 'customers/data_request' THEN
        v_export := privacy._export_customer(v_request.shop_id, v_request.payload);
    ELSIF v_request.topic = 'customers/redact' THEN
        v_result := privacy._erase_customer(v_request.shop_id, v_request.payload);
    ELSIF EXISTS (SELECT FROM shops AS s WHERE s.id = v_request.shop_id AND s.uninstalled_at IS NULL) THEN
        v_status := 'refused';
        v_result := jsonb '{"reason": "the shop has installed the app again"}';
    ELSE
        v_result := privacy._erase_shop(v_request.shop_id);
    END IF;
    UPDATE privacy_requests AS p
       SET status = coalesce(v_status, CASE WHEN coalesce(v_result -> 'traces', '{}') = '{}' THEN 'completed' ELSE 'review' END),
           payload = NULL, result = v_result, export = v_export, export_expires_at = CASE WHEN v_export IS NOT NULL THEN clock_timestamp() + interval '30 days' END,
           completed_at = clock_timestamp()
     WHERE p.shop_id = v_request.shop_id AND p.id = v_request.id;
    RETURN v_result;
END
$body$;
COMMENT ON FUNCTION privacy.fulfil(uuid, jsonb) IS
    'Handler of the job privacy.fulfil: exports or erases as one request asks ({"shop_id", "request_id"}), and looks afterwards whether anything is left. '
    'Idempotent. Locks: the request, and what the erasure changes. Raises: NP003 no such request';

CREATE FUNCTION privacy.requests(p_open_only boolean DEFAULT false)
RETURNS TABLE (id uuid, shop_id uuid, shop text, topic text, status text, received_at timestamptz, due_at timestamptz,
               completed_at timestamptz, export_expires_at timestamptz, result jsonb)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
    SELECT p.id, p.shop_id, s.shopify_domain::text, p.topic, p.status, p.received_at, p.due_at, p.completed_at, p.export_expires_at, p.result
      FROM privacy_requests AS p
      JOIN shops AS s ON s.id = p.shop_id
     WHERE NOT p_open_only OR p.status IN ('received', 'review')
     ORDER BY p.received_at DESC
$body$;
COMMENT ON FUNCTION privacy.requests(boolean) IS
    'Requests with their state, newest first, or those that still need something; no contents. Reads only. Raises: nothing';

CREATE FUNCTION privacy.read_export(p_request_id uuid)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_request privacy_requests;
BEGIN
    SELECT p.* INTO v_request FROM privacy_requests AS p WHERE p.id = p_request_id AND p.topic = 'customers/data_request';
    IF v_request.export IS NULL THEN
        RAISE EXCEPTION 'there is no export for request %', p_request_id
            USING ERRCODE = 'NP003', HINT = 'Either it is not fulfilled yet, or it expired: exports are kept for 30 days.';
    END IF;
    RETURN v_request.export;
END
$body$;
COMMENT ON FUNCTION privacy.read_export(uuid) IS
    'The export of a customers/data_request, to be handed to the shop''s owner. Personal data. Reads only. Raises: NP003 no such export';

CREATE FUNCTION privacy.sweep_exports(p_shop_id uuid DEFAULT NULL, p_payload jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_rows bigint;
BEGIN
    UPDATE privacy_requests AS p SET export = NULL, export_expires_at = NULL
     WHERE p.export_expires_at <= coalesce((p_payload ->> 'before')::timestamptz, clock_timestamp()) AND (p_shop_id IS NULL OR p.shop_id = p_shop_id);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN jsonb_build_object('deleted', v_rows);
END
$body$;
COMMENT ON FUNCTION privacy.sweep_exports(uuid, jsonb) IS
    'Handler of the job privacy.sweep_exports: deletes expired exports. Idempotent. Locks: those requests. Raises: nothing';

SELECT jobs.register_handler('privacy.fulfil', 'maintenance', 'database', 'privacy.fulfil(uuid, jsonb)', 10, '10 minutes');
SELECT jobs.register_handler('privacy.sweep_exports', 'maintenance', 'database', 'privacy.sweep_exports(uuid, jsonb)');
SELECT jobs.schedule('privacy.sweep_exports', '17 4 * * *', 'maintenance', 'privacy.sweep_exports');

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA privacy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privacy.requests(boolean), privacy.read_export(uuid), privacy.find_traces(uuid, text[]) TO neanelu_operator;
GRANT EXECUTE ON FUNCTION privacy.handle(uuid, text, jsonb) TO neanelu_app, neanelu_operator;

COMMIT;

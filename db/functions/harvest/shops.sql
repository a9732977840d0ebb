-- Deploy neanelu:functions/harvest/shops to pg
-- requires: functions/harvest/documents
-- requires: schema/shopify
-- What shops say about their products are facts like those of any other source.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, app, extensions, pg_temp;

CREATE FUNCTION harvest._metafield(p_metafield jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_type  constant text := p_metafield ->> 'type';
    v_text  constant text := p_metafield ->> 'value';
    v_value jsonb;
BEGIN
    IF v_type ~ '(reference|json|rich_text|url|id|money|rating)' AND v_type <> 'list.single_line_text_field' THEN
        RETURN NULL;
    END IF;
    -- Not as branches of a CASE: a plan for one value computes the casts of all branches beforehand, since IS JSON is no constant to it.
    IF v_text IS JSON OBJECT OR v_text IS JSON ARRAY THEN
        v_value := v_text::jsonb;
        RETURN CASE jsonb_typeof(v_value) WHEN 'array' THEN v_value ELSE to_jsonb(concat_ws(' ', v_value ->> 'value', lower(v_value ->> 'unit'))) END;
    END IF;
    RETURN to_jsonb(nullif(btrim(v_text), ''));
END
$$;
COMMENT ON FUNCTION harvest._metafield(jsonb) IS
    'Value of a metafield as text, measures with their unit, lists as arrays; NULL for references and the like. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._shop_attributes(p_product neanelu.shopify_products, p_variant neanelu.shopify_variants)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, harvest, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(a.name, a.value), '{}')
      FROM (SELECT DISTINCT ON (u.name) u.name, u.value
              FROM (SELECT o.option ->> 'name' AS name, o.option -> 'values' AS value, 1 AS rank
                      FROM jsonb_array_elements(p_product.options) AS o (option)
                     WHERE o.option ->> 'name' <> 'Title' OR o.option -> 'values' <> '["Default Title"]'
                    UNION ALL
                    SELECT regexp_replace(m.key, '^.*\.', ''), harvest._metafield(m.value), 2 FROM jsonb_each(p_product.metafields) AS m
                    UNION ALL
                    SELECT regexp_replace(m.key, '^.*\.', ''), harvest._metafield(m.value), 3 FROM jsonb_each(p_variant.metafields) AS m
                    UNION ALL
                    SELECT 'weight', to_jsonb(trim_scale(p_variant.weight) || ' ' || CASE p_variant.weight_unit
                               WHEN 'GRAMS' THEN 'g' WHEN 'OUNCES' THEN 'oz' WHEN 'POUNDS' THEN 'lb' ELSE 'kg' END), 4
                     WHERE p_variant.weight > 0) AS u
             WHERE u.name <> '' AND u.value IS NOT NULL AND u.value <> '[]'
             ORDER BY u.name, u.rank) AS a
$$;
COMMENT ON FUNCTION harvest._shop_attributes(neanelu.shopify_products, neanelu.shopify_variants) IS
    'Attributes of a shop''s product: options, metafields by their keys, weight. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._shop_documents(p_shop_id uuid, p_source_id uuid, p_after uuid, p_limit integer)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, harvest, pg_temp
AS $$
    SELECT jsonb_agg(jsonb_build_object(
               'id', p.id, 'source_product_id', p.shopify_gid, 'url', p.url,
               'json', jsonb_strip_nulls(jsonb_build_object(
                   'title', p.title, 'brand', nullif(p.vendor, ''), 'description', nullif(p.description, ''), 'category', coalesce(nullif(p.category_id, ''), nullif(p.product_type, '')),
                   'gtin', nullif(btrim(v.barcode), ''), 'sku', nullif(v.sku, ''), 'price', v.price,
                   'currency', v.currency_code, 'image', coalesce(p.featured_image_url, v.image_url),
                   'attributes', harvest._shop_attributes(p.product, v)))) ORDER BY p.id)
      FROM (SELECT m AS product, m.*, 'shop:' || s.shopify_domain || '#' || m.shopify_gid AS url
              FROM neanelu.shopify_products AS m
              JOIN neanelu.shops AS s ON s.id = m.shop_id
              LEFT JOIN neanelu.harvest_pages AS g ON g.source_id = p_source_id AND g.url = 'shop:' || s.shopify_domain || '#' || m.shopify_gid
             WHERE m.shop_id = p_shop_id AND m.id > p_after AND m.deleted_at IS NULL AND m.title <> '' AND NOT coalesce(m.is_gift_card, false)
               AND (g.checked_at IS NULL OR g.checked_at < m.updated_at OR g.checked_at < (
                    SELECT max(c.updated_at) FROM neanelu.shopify_variants AS c WHERE c.shop_id = m.shop_id AND c.product_id = m.id))
             ORDER BY m.id
             LIMIT p_limit) AS p
      LEFT JOIN LATERAL (
            SELECT c.* FROM neanelu.shopify_variants AS c
             WHERE c.shop_id = p_shop_id AND c.product_id = p.id AND c.deleted_at IS NULL ORDER BY c.position, c.id LIMIT 1) AS v ON true
$$;
COMMENT ON FUNCTION harvest._shop_documents(uuid, uuid, uuid, integer) IS
    'Live products of a shop behind a given one that changed since they were last looked at, as records for harvest.store_many. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.take_shop_products(p_shop_id uuid, p_limit integer DEFAULT 10000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, app, pg_temp
AS $$
DECLARE
    v_source  uuid;
    v_records jsonb;
    v_after   uuid := uuid '00000000-0000-0000-0000-000000000000';
    v_stored  integer := 0;
    v_now     integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT harvest.register_source(s.shopify_domain::text, 'SHOPIFY', 'https://' || s.shopify_domain) INTO v_source
      FROM neanelu.shops AS s WHERE s.id = p_shop_id AND s.uninstalled_at IS NULL;
    IF v_source IS NULL THEN
        RAISE EXCEPTION 'there is no installed shop %', p_shop_id USING ERRCODE = 'NG006';
    END IF;
    WHILE v_stored < p_limit LOOP
        v_records := harvest._shop_documents(p_shop_id, v_source, v_after, least(1000, p_limit - v_stored));
        EXIT WHEN v_records IS NULL;
        SELECT m.stored INTO v_now FROM harvest.store_many(v_source, v_records) AS m;
        v_stored := v_stored + v_now;
        v_after := (v_records -> -1 ->> 'id')::uuid;
        UPDATE neanelu.harvest_pages AS g SET checked_at = clock_timestamp()
          FROM jsonb_array_elements(v_records) AS r (record)
         WHERE g.source_id = v_source AND g.url = r.record ->> 'url';
    END LOOP;
    RETURN v_stored;
END
$$;
COMMENT ON FUNCTION harvest.take_shop_products(uuid, integer) IS
    'A shop''s live products become documents of the source named by its domain (type SHOPIFY), one each, with the first variant''s barcode, SKU and price, '
    'options and metafields; those that did not change since are not looked at, those whose content did not change not stored. Returns how many were '
    'stored, at most p_limit. Idempotent. Locks: the source (advisory), pages. Raises: NA002 the login may not work for the shop, NG003 the source is not active, '
    'NG006 no such installed shop';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION harvest.take_shop_products(uuid, integer) TO neanelu_worker, neanelu_operator;

COMMIT;

-- Deploy neanelu:functions/webhooks/products to pg
-- requires: functions/webhooks/inventory
-- Products with their variants, where products are published, and collections.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

-- Products ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._product_row(p_payload jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(m.name, m.value)
      FROM (VALUES
            ('shopify_gid', 'id', to_jsonb(webhooks._gid('Product', p_payload ->> 'id'))),
            ('legacy_resource_id', 'id', p_payload -> 'id'),
            ('title', 'title', p_payload -> 'title'),
            ('handle', 'handle', p_payload -> 'handle'),
            ('description_html', 'body_html', coalesce(nullif(p_payload -> 'body_html', 'null'), '""')),
            ('vendor', 'vendor', coalesce(nullif(p_payload -> 'vendor', 'null'), '""')),
            ('product_type', 'product_type', coalesce(nullif(p_payload -> 'product_type', 'null'), '""')),
            ('status', 'status', webhooks._upper(p_payload -> 'status')),
            ('tags', 'tags', webhooks._tags(p_payload -> 'tags')),
            ('options', 'options', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('name', o.doc -> 'name', 'position', o.doc -> 'position', 'values', o.doc -> 'values') ORDER BY o.n), '[]')
                  FROM jsonb_array_elements(nullif(p_payload -> 'options', 'null')) WITH ORDINALITY AS o (doc, n))),
            ('featured_image_url', 'media', p_payload #> '{media,0,preview_image,src}'),
            ('template_suffix', 'template_suffix', p_payload -> 'template_suffix'),
            ('category_id', 'category', p_payload #> '{category,admin_graphql_api_id}'),
            ('published_at', 'published_at', p_payload -> 'published_at'),
            ('created_at_shopify', CASE WHEN p_payload ->> 'created_at' IS NOT NULL THEN 'created_at' END, p_payload -> 'created_at'),
            ('updated_at_shopify', 'updated_at', p_payload -> 'updated_at')) AS m (name, key, value)
     WHERE p_payload ? m.key
$$;
COMMENT ON FUNCTION webhooks._product_row(jsonb) IS
    'The columns of shopify_products that a payload carries. What REST leaves null where GraphQL has an empty text is empty. Pure. '
    'Raises: 22023 options are no array';

CREATE FUNCTION webhooks._selected_options(p_variant jsonb, p_product jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_agg(jsonb_build_object('name', o.doc -> 'name', 'value', p_variant -> ('option' || o.n)) ORDER BY o.n)
      FROM jsonb_array_elements(CASE jsonb_typeof(p_product -> 'options') WHEN 'array' THEN p_product -> 'options' END) WITH ORDINALITY AS o (doc, n)
     WHERE p_variant ->> ('option' || o.n) IS NOT NULL
$$;
COMMENT ON FUNCTION webhooks._selected_options(jsonb, jsonb) IS
    'option1 to option3 of a variant under the names that its product gives them; null where the names are not known. Pure.';

CREATE FUNCTION webhooks._image_url(p_variant jsonb, p_product jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.doc -> 'src'
      FROM jsonb_array_elements(CASE jsonb_typeof(p_product -> 'images') WHEN 'array' THEN p_product -> 'images' END) AS i (doc)
     WHERE i.doc -> 'id' = p_variant -> 'image_id'
$$;
COMMENT ON FUNCTION webhooks._image_url(jsonb, jsonb) IS 'Where the image of a variant is, by its product''s images; null where there is none. Pure.';

CREATE FUNCTION webhooks._variant_row(p_variant jsonb, p_product jsonb, p_currency text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(m.name, m.value)
      FROM (VALUES
            ('shopify_gid', 'id', to_jsonb(webhooks._gid('ProductVariant', p_variant ->> 'id'))),
            ('legacy_resource_id', 'id', p_variant -> 'id'),
            ('title', 'title', p_variant -> 'title'),
            ('sku', 'sku', p_variant -> 'sku'),
            ('barcode', 'barcode', p_variant -> 'barcode'),
            ('price', 'price', webhooks._amount(p_variant -> 'price')),
            ('compare_at_price', 'compare_at_price', webhooks._amount(p_variant -> 'compare_at_price')),
            ('currency_code', 'price', to_jsonb(p_currency)),
            ('position', 'position', p_variant -> 'position'),
            ('inventory_quantity', 'inventory_quantity', p_variant -> 'inventory_quantity'),
            ('inventory_policy', 'inventory_policy', webhooks._upper(p_variant -> 'inventory_policy')),
            ('inventory_item_id', CASE WHEN p_variant ->> 'inventory_item_id' IS NOT NULL THEN 'inventory_item_id' END,
                to_jsonb(webhooks._gid('InventoryItem', p_variant ->> 'inventory_item_id'))),
            ('taxable', 'taxable', p_variant -> 'taxable'),
            ('selected_options', CASE WHEN webhooks._selected_options(p_variant, p_product) IS NOT NULL THEN 'option1' END,
                webhooks._selected_options(p_variant, p_product)),
            ('image_url', CASE WHEN p_variant ->> 'image_id' IS NULL OR webhooks._image_url(p_variant, p_product) IS NOT NULL THEN 'image_id' END,
                webhooks._image_url(p_variant, p_product)),
            ('created_at_shopify', CASE WHEN p_variant ->> 'created_at' IS NOT NULL THEN 'created_at' END, p_variant -> 'created_at'),
            ('updated_at_shopify', 'updated_at', p_variant -> 'updated_at')) AS m (name, key, value)
     WHERE p_variant ? m.key
$$;
COMMENT ON FUNCTION webhooks._variant_row(jsonb, jsonb, text) IS
    'The columns of shopify_variants that a variant''s payload carries, given its product''s (options, images). Pure. Raises: 22003, 22P02 no amount of money';

CREATE FUNCTION webhooks._new_items(p_shop_id uuid, p_variants jsonb)
RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT ARRAY(SELECT webhooks._gid('InventoryItem', v.doc ->> 'inventory_item_id')
                   FROM jsonb_array_elements(p_variants) AS v (doc)
                  WHERE v.doc ->> 'inventory_item_id' IS NOT NULL
                    AND NOT EXISTS (SELECT FROM shopify_variants AS t
                                     WHERE t.shop_id = p_shop_id AND t.shopify_gid = webhooks._gid('ProductVariant', v.doc ->> 'id')
                                       AND t.inventory_item_id = webhooks._gid('InventoryItem', v.doc ->> 'inventory_item_id')))
$$;
COMMENT ON FUNCTION webhooks._new_items(uuid, jsonb) IS 'Inventory items of variants that the mirror does not have, or not with them. Reads only.';

CREATE FUNCTION webhooks._write_variants(p_shop_id uuid, p_product_gid text, p_variants jsonb, p_product jsonb, p_as_of timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_product  uuid;
    v_currency text;
    v_rows     jsonb;
    v_written  integer := 0;
    v_items    constant text[] := webhooks._new_items(p_shop_id, p_variants);
BEGIN
    SELECT p.id, s.currency_code INTO STRICT v_product, v_currency
      FROM shopify_products AS p JOIN shops AS s ON s.id = p.shop_id WHERE p.shop_id = p_shop_id AND p.shopify_gid = p_product_gid;
    -- Rows with the same columns are written together, in the order of their ids.
    FOR v_rows IN
        SELECT jsonb_agg(r.row ORDER BY r.row ->> 'shopify_gid')
          FROM (SELECT webhooks._variant_row(v.doc, p_product, v_currency) || jsonb_build_object('product_id', v_product) AS row
                  FROM jsonb_array_elements(p_variants) AS v (doc)) AS r
         GROUP BY (SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(r.row) AS k)
    LOOP
        v_written := v_written + webhooks._write(p_shop_id, 'shopify_variants', v_rows, p_as_of);
    END LOOP;
    IF v_items <> '{}' THEN
        PERFORM webhooks._record_levels(p_shop_id, v_items);
    END IF;
    RETURN v_written;
END
$$;
COMMENT ON FUNCTION webhooks._write_variants(uuid, text, jsonb, jsonb, timestamptz) IS
    'Writes variants of a product that the mirror has, as they are at p_as_of; newer ones stay. Levels of stock that came before their variants go into the '
    'ledger. Returns the rows written. Idempotent. Locks: the variants, in order, and the counts of those levels. Raises: P0002 no such product, 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._delete_variants(p_shop_id uuid, p_product_gid text, p_kept text[], p_deleted_at timestamptz, p_reason text DEFAULT 'webhook')
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_numbers bigint[];
    v_items   bigint[];
BEGIN
    SELECT array_agg(v.legacy_resource_id ORDER BY v.legacy_resource_id), array_agg(split_part(v.inventory_item_id, '/', 5)::bigint)
      INTO v_numbers, v_items
      FROM shopify_products AS p
      JOIN shopify_variants AS v ON v.shop_id = p.shop_id AND v.product_id = p.id
     WHERE p.shop_id = p_shop_id AND p.shopify_gid = p_product_gid AND v.deleted_at IS NULL AND v.shopify_gid <> ALL (p_kept)
       AND coalesce(v.updated_at_shopify <= p_deleted_at, true);
    IF v_numbers IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM webhooks._mark_deleted(p_shop_id, 'inventory_levels', 't.inventory_item_legacy_id', v_items, p_deleted_at, p_reason);
    RETURN webhooks._mark_deleted(p_shop_id, 'shopify_variants', 't.legacy_resource_id', v_numbers, p_deleted_at, p_reason);
END
$$;
COMMENT ON FUNCTION webhooks._delete_variants(uuid, text, text[], timestamptz, text) IS
    'Marks the variants of a product as deleted that are not among the kept ones, and what stock there is of them; returns how many. '
    'Idempotent. Locks: those rows. Raises: nothing';

CREATE FUNCTION webhooks._variant_gids(p_payload jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    -- A payload has at most 100 variants; those that have more say which there are.
    SELECT CASE WHEN p_payload ? 'variant_gids' OR jsonb_array_length(p_payload -> 'variants') < 100 THEN ARRAY(
               SELECT webhooks._gid('ProductVariant', v.doc ->> 'id') FROM jsonb_array_elements(p_payload -> 'variants') AS v (doc)
               UNION
               SELECT g.doc ->> 'admin_graphql_api_id' FROM jsonb_array_elements(nullif(p_payload -> 'variant_gids', 'null')) AS g (doc)) END
$$;
COMMENT ON FUNCTION webhooks._variant_gids(jsonb) IS
    'The gids of all variants that a product''s payload says there are; null when it does not say. Pure. Raises: 22023 no array';

CREATE FUNCTION webhooks._want_collections_of(p_shop_id uuid, p_product_gid text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT webhooks._want(p_shop_id, 'collections', ARRAY(
        SELECT c.legacy_resource_id
          FROM shopify_products AS p
          JOIN shopify_collection_products AS l ON l.shop_id = p.shop_id AND l.product_id = p.id
          JOIN shopify_collections AS c ON c.shop_id = l.shop_id AND c.id = l.collection_id AND c.deleted_at IS NULL
         WHERE p.shop_id = p_shop_id AND p.shopify_gid = p_product_gid ORDER BY 1), interval '30 seconds')
$$;
COMMENT ON FUNCTION webhooks._want_collections_of(uuid, text) IS
    'Asks for the collections of a product that is gone: Shopify takes it out of them without a word. Locks: rows of mirror_fetches. Raises: nothing of its own';

CREATE FUNCTION webhooks.apply_products(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
DECLARE
    v_number  constant bigint := webhooks._number(p_payload);
    v_gid     constant text := webhooks._gid('Product', v_number::text);
    v_version constant timestamptz := webhooks._time(p_payload, 'updated_at');
    v_state   text;
    v_written integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'products/delete' THEN
        v_state := webhooks._delete(p_shop_id, 'shopify_products', 'Product', v_number, p_triggered_at);
        IF v_state = 'applied' THEN
            PERFORM webhooks._delete_variants(p_shop_id, v_gid, '{}', p_triggered_at);
            PERFORM webhooks._want_collections_of(p_shop_id, v_gid);
        END IF;
        RETURN v_state;
    END IF;
    v_state := webhooks._state(p_shop_id, 'shopify_products', 'Product', v_number, v_version);
    IF v_state IN ('stale', 'deleted') THEN
        RETURN 'stale';
    END IF;
    v_written := webhooks._write(p_shop_id, 'shopify_products', jsonb_build_array(webhooks._product_row(p_payload)), v_version);
    IF jsonb_typeof(p_payload -> 'variants') = 'array' THEN
        v_written := v_written + webhooks._write_variants(p_shop_id, v_gid, p_payload -> 'variants', p_payload, v_version)
                               + coalesce(webhooks._delete_variants(p_shop_id, v_gid, webhooks._variant_gids(p_payload), v_version), 0);
    END IF;
    IF v_written > 0 THEN
        PERFORM webhooks._forget_digests(p_shop_id, 'Product', v_number, 'products');
    END IF;
    PERFORM webhooks._want(p_shop_id, 'products', ARRAY[v_number], webhooks._fetch_after(p_topic));
    PERFORM webhooks._want(p_shop_id, 'product_publications', ARRAY[v_number], webhooks._fetch_after(p_topic));
    RETURN CASE WHEN v_written > 0 THEN 'applied' ELSE 'unchanged' END;
END
$$;
COMMENT ON FUNCTION webhooks.apply_products(uuid, text, jsonb, timestamptz) IS
    'Topics products/*: the product and the variants in the payload; variants that it does not name any more are deleted. Metafields, media, '
    'publications and what is beyond 100 variants are asked for. Returns applied, unchanged or stale. Idempotent, in any order. Locks: the product, its rows. '
    'Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks.apply_variants(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, app, pg_temp
AS $$
DECLARE
    v_product constant bigint := webhooks._number(p_payload, 'product_id');
    v_row     shopify_products;
    v_outcome text := 'stale';
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM webhooks._number(p_payload);
    PERFORM sync.lock_object(p_shop_id, 'Product', v_product);
    SELECT * INTO v_row FROM shopify_products WHERE shop_id = p_shop_id AND shopify_gid = webhooks._gid('Product', v_product::text);
    -- Of a product that is gone, or not here yet, nobody knows whether it has the variant.
    IF v_row.id IS NULL OR v_row.deleted_at IS NOT NULL THEN
        v_outcome := CASE WHEN v_row.id IS NULL THEN 'postponed' ELSE 'stale' END;
    ELSIF webhooks._write_variants(p_shop_id, v_row.shopify_gid, jsonb_build_array(p_payload), jsonb_build_object('options', v_row.options),
                                   coalesce(webhooks._time(p_payload, 'updated_at'), p_triggered_at)) > 0 THEN
        PERFORM webhooks._forget_digests(p_shop_id, 'Product', v_product, 'products');
        v_outcome := 'applied';
    END IF;
    PERFORM webhooks._want(p_shop_id, 'products', ARRAY[v_product], webhooks._fetch_after(p_topic));
    RETURN v_outcome;
END
$$;
COMMENT ON FUNCTION webhooks.apply_variants(uuid, text, jsonb, timestamptz) IS
    'Topics variants/in_stock and variants/out_of_stock: the variant as it is then. Its product is asked for; of a product that the mirror does not have '
    'that is all (postponed). Returns applied, stale (nothing new, or it is gone) or postponed. Idempotent, in any order. Locks: the product, the variant''s row. '
    'Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

-- Publications ------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks.apply_publications(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, app, pg_temp
AS $$
DECLARE
    v_product     bigint;
    v_version     constant timestamptz := coalesce(webhooks._time(p_payload, 'updated_at'), p_triggered_at);
    v_is_deleted  constant boolean := p_topic = 'product_publications/delete';
    v_outcome     text;
    v_publication bigint;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    -- A deletion that does not say of what is found by the next comparison.
    IF p_payload ->> 'product_id' IS NULL OR p_payload ->> 'publication_id' IS NULL THEN
        RETURN 'ignored';
    END IF;
    v_product := webhooks._number(p_payload, 'product_id');
    v_publication := webhooks._number(p_payload, 'publication_id');
    PERFORM sync.lock_object(p_shop_id, 'Product', v_product);
    v_outcome := webhooks._write_publication(p_shop_id, v_product, v_publication, v_version, NOT v_is_deleted AND (p_payload ->> 'published')::boolean,
                                             CASE WHEN NOT v_is_deleted THEN webhooks._time(p_payload, 'published_at') END);
    IF v_outcome = 'applied' THEN
        PERFORM webhooks._forget_digests(p_shop_id, 'Product', v_product, 'product_publications');
    END IF;
    PERFORM webhooks._want(p_shop_id, 'product_publications', ARRAY[v_product], webhooks._fetch_after(p_topic));
    RETURN v_outcome;
END
$$;
COMMENT ON FUNCTION webhooks.apply_publications(uuid, text, jsonb, timestamptz) IS
    'Topics product_publications/*: where a product is published. Returns applied, stale, postponed (product or publication are not here yet, and asked for) or '
    'ignored (the payload does not say which product: Shopify''s deletions may not). Idempotent, in any order. Locks: the product, the link. '
    'Raises: NA002, 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._write_publication(
    p_shop_id uuid, p_product bigint, p_publication bigint, p_version timestamptz, p_is_published boolean, p_date timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_publication uuid;
    v_product     uuid;
BEGIN
    SELECT b.id INTO v_publication FROM shopify_publications AS b
     WHERE b.shop_id = p_shop_id AND b.shopify_gid = webhooks._gid('Publication', p_publication::text) AND b.deleted_at IS NULL;
    SELECT r.id INTO v_product FROM shopify_products AS r
     WHERE r.shop_id = p_shop_id AND r.shopify_gid = webhooks._gid('Product', p_product::text) AND r.deleted_at IS NULL;
    IF v_publication IS NULL OR v_product IS NULL THEN
        PERFORM webhooks._want(p_shop_id, 'publications', ARRAY[p_publication], CASE WHEN v_publication IS NULL THEN interval '1 second' END);
        RETURN 'postponed';
    END IF;
    INSERT INTO shopify_resource_publications AS l
           (shop_id, publication_id, resource_type, resource_id, is_published, published_at, publish_date, updated_at_shopify)
    VALUES (p_shop_id, v_publication, 'Product', v_product, p_is_published, CASE WHEN p_is_published THEN p_date END,
            CASE WHEN NOT p_is_published THEN p_date END, p_version)
    ON CONFLICT (shop_id, publication_id, resource_type, resource_id) DO UPDATE
       SET is_published = excluded.is_published, published_at = excluded.published_at, publish_date = excluded.publish_date,
           updated_at_shopify = excluded.updated_at_shopify, updated_at = now()
     WHERE coalesce(l.updated_at_shopify, '-infinity') <= excluded.updated_at_shopify;
    RETURN CASE WHEN FOUND THEN 'applied' ELSE 'stale' END;
END
$$;
COMMENT ON FUNCTION webhooks._write_publication(uuid, bigint, bigint, timestamptz, boolean, timestamptz) IS
    'Writes whether a product is published somewhere, unless something newer was said: applied or stale; postponed where the mirror lacks one of the two. '
    'Idempotent. Locks: the link. Raises: 23502 it is not said';

-- Collections -------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._collection_row(p_payload jsonb, p_is_new boolean)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(m.name, m.value)
      FROM (VALUES
            ('shopify_gid', 'id', to_jsonb(webhooks._gid('Collection', p_payload ->> 'id'))),
            ('legacy_resource_id', 'id', p_payload -> 'id'),
            ('title', 'title', p_payload -> 'title'),
            ('handle', 'handle', p_payload -> 'handle'),
            ('description_html', 'body_html', coalesce(nullif(p_payload -> 'body_html', 'null'), '""')),
            ('collection_type', CASE WHEN p_is_new OR p_payload ? 'rules' THEN 'id' END,
                CASE WHEN jsonb_typeof(p_payload -> 'rules') = 'array' THEN '"SMART"'::jsonb ELSE '"MANUAL"' END),
            ('rules', 'rules', (
                SELECT jsonb_agg(r.doc || jsonb_build_object('column', webhooks._upper(r.doc -> 'column'), 'relation', webhooks._upper(r.doc -> 'relation')) ORDER BY r.n)
                  FROM jsonb_array_elements(nullif(p_payload -> 'rules', 'null')) WITH ORDINALITY AS r (doc, n))),
            ('disjunctive', CASE WHEN p_payload ->> 'disjunctive' IS NOT NULL THEN 'disjunctive' END, p_payload -> 'disjunctive'),
            ('sort_order', CASE WHEN p_payload ->> 'sort_order' IS NOT NULL THEN 'sort_order' END, webhooks._upper(p_payload -> 'sort_order')),
            ('image_url', 'image', p_payload #> '{image,src}'),
            ('template_suffix', 'template_suffix', p_payload -> 'template_suffix'),
            ('published_at', 'published_at', p_payload -> 'published_at'),
            ('updated_at_shopify', 'updated_at', p_payload -> 'updated_at')) AS m (name, key, value)
     WHERE p_payload ? m.key
$$;
COMMENT ON FUNCTION webhooks._collection_row(jsonb, boolean) IS
    'The columns of shopify_collections that a payload carries; one without rules is manual, as far as nothing else is known. Pure. Raises: 22023 rules are no array';

CREATE FUNCTION webhooks.apply_collections(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
DECLARE
    v_number constant bigint := webhooks._number(p_payload);
    v_state  text;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'collections/delete' THEN
        RETURN webhooks._delete(p_shop_id, 'shopify_collections', 'Collection', v_number, p_triggered_at);
    END IF;
    v_state := webhooks._state(p_shop_id, 'shopify_collections', 'Collection', v_number, webhooks._time(p_payload, 'updated_at'));
    IF v_state IN ('stale', 'deleted') THEN
        RETURN 'stale';
    END IF;
    PERFORM webhooks._want(p_shop_id, 'collections', ARRAY[v_number], webhooks._fetch_after(p_topic));
    IF webhooks._write(p_shop_id, 'shopify_collections', jsonb_build_array(webhooks._collection_row(p_payload, v_state = 'new')),
                       webhooks._time(p_payload, 'updated_at')) = 0 THEN
        RETURN 'unchanged';
    END IF;
    PERFORM webhooks._forget_digests(p_shop_id, 'Collection', v_number);
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks.apply_collections(uuid, text, jsonb, timestamptz) IS
    'Topics collections/*: the collection; which products are in it is asked for. Returns applied, unchanged or stale. Idempotent, in any order. '
    'Locks: the collection, its row. Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;

COMMIT;

-- Deploy neanelu:functions/pim/products to pg
-- requires: functions/pim/queue
-- Golden records as people ask for them: one, its versions, and how all of them are.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim.find(p_text text)
RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_ids uuid[];
BEGIN
    IF pg_input_is_valid(p_text, 'uuid') THEN
        v_ids := ARRAY(SELECT m.id FROM neanelu.prod_master AS m WHERE m.id = p_text::uuid);
    ELSE
        v_ids := ARRAY(SELECT m.id FROM neanelu.prod_master AS m WHERE m.internal_sku = p_text);
        IF v_ids = '{}' AND p_text ~ '^[0-9]{8,14}$' THEN
            v_ids := ARRAY(SELECT m.id FROM neanelu.prod_master AS m WHERE m.gtin = lpad(p_text, 14, '0') AND m.dedupe_status <> 'duplicate' LIMIT 3);
        END IF;
    END IF;
    IF cardinality(v_ids) <> 1 THEN
        RAISE EXCEPTION '% golden records are meant by "%"', CASE WHEN v_ids = '{}' THEN 'no' ELSE 'several' END, p_text
            USING ERRCODE = 'NQ008', HINT = 'Its id, SKU or GTIN; neanelu pim search finds words.';
    END IF;
    RETURN v_ids[1];
END
$$;
COMMENT ON FUNCTION pim.find(text) IS 'The golden record of an id, SKU or GTIN. Reads only, takes no locks. Raises: NQ008 none, or several';

CREATE FUNCTION pim.show(p_product_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT pim._card(m.id) || jsonb_build_object(
               'quality', m.quality_score_breakdown, 'checked_at', m.last_quality_check, 'review', m.review_notes,
               'version', s.version, 'since', s.created_at,
               'fields', (SELECT jsonb_object_agg(f.field_path, jsonb_strip_nulls(jsonb_build_object(
                                     'value', f.value, 'confidence', s.provenance -> f.field_path -> 'confidence', 'rule', s.provenance -> f.field_path -> 'rule',
                                     'status', s.provenance -> f.field_path -> 'status',
                                     'sources', (SELECT jsonb_agg(o.name ORDER BY o.name) FROM neanelu.prod_sources AS o
                                                  WHERE s.provenance -> f.field_path -> 'sources' ? o.id::text))))
                            FROM pim._field_values(ARRAY[m.id]) AS f),
               'channels', (SELECT coalesce(jsonb_agg(jsonb_build_object('channel', c.channel, 'shop', h.shopify_domain, 'external_id', c.external_id,
                                                     'status', c.sync_status, 'pushed_at', c.last_pushed_at) ORDER BY c.channel, c.external_id), '[]')
                              FROM neanelu.prod_channel_mappings AS c LEFT JOIN neanelu.shops AS h ON h.id = c.shop_id WHERE c.product_id = m.id),
               'translations', (SELECT coalesce(jsonb_object_agg(t.locale, jsonb_build_object('title', t.title, 'approved', t.is_approved, 'stale', t.is_stale)), '{}')
                                  FROM neanelu.prod_translations AS t WHERE t.product_id = m.id),
               'waiting', (SELECT count(*) FROM neanelu.prod_proposals AS p WHERE p.product_id = m.id AND p.proposal_status = 'pending'),
               'events', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', e.created_at, 'from', e.previous_level, 'to', e.new_level, 'reason', e.trigger_reason)), '[]')
                            FROM (SELECT x.* FROM neanelu.prod_quality_events AS x WHERE x.product_id = m.id ORDER BY x.created_at DESC LIMIT 5) AS e))
      FROM neanelu.prod_master AS m
      LEFT JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current
     WHERE m.id = p_product_id
$$;
COMMENT ON FUNCTION pim.show(uuid) IS
    'A golden record with values, their sources, quality, channels, translations and latest events; null for none. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim.history(p_product_id uuid)
RETURNS TABLE (version integer, created_at timestamptz, is_current boolean, needs_review boolean, changes jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH field AS (
        SELECT s.version, s.created_at, s.is_current, s.needs_review,
               (SELECT coalesce(jsonb_object_agg(f.field_path, f.value), '{}') FROM pim._fields_of(s) AS f WHERE f.value IS NOT NULL) AS fields
          FROM neanelu.prod_specs_normalized AS s WHERE s.product_id = p_product_id
    ), pair AS (
        SELECT f.*, coalesce(lag(f.fields) OVER (ORDER BY f.version), '{}') AS earlier FROM field AS f
    )
    SELECT p.version, p.created_at, p.is_current, p.needs_review,
           (SELECT coalesce(jsonb_object_agg(coalesce(n.key, o.key), jsonb_build_object('from', o.value, 'to', n.value)), '{}')
              FROM jsonb_each(p.fields) AS n FULL JOIN jsonb_each(p.earlier) AS o ON o.key = n.key WHERE n.value IS DISTINCT FROM o.value)
      FROM pair AS p ORDER BY p.version DESC
$$;
COMMENT ON FUNCTION pim.history(uuid) IS
    'The versions of a golden record, newest first, with the fields in which each differs from the one before. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim.restore_product(p_product_id uuid, p_version integer, p_reviewer_id uuid, p_notes text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_version constant integer := pim.restore(p_product_id, p_version, p_reviewer_id, p_notes);
BEGIN
    PERFORM pim._after_review(ARRAY[p_product_id], p_reviewer_id);
    RETURN v_version;
END
$$;
COMMENT ON FUNCTION pim.restore_product(uuid, integer, uuid, text) IS
    'pim.restore, and the product is scored and described again. Returns the version in force. Idempotent. Locks: the product. Raises: as pim.restore';

CREATE FUNCTION pim.set_product_value(p_product_id uuid, p_field_path text, p_value jsonb, p_reviewer_id uuid, p_notes text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_id constant uuid := pim.set_value(p_product_id, p_field_path, p_value, p_reviewer_id, p_notes);
BEGIN
    PERFORM pim._after_review(ARRAY[p_product_id], p_reviewer_id);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.set_product_value(uuid, text, jsonb, uuid, text) IS
    'pim.set_value, and the product is scored and described again. Returns the decision. Locks: the product. Raises: as pim.set_value';

CREATE FUNCTION pim.quality_overview()
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH sample AS MATERIALIZED (
        SELECT m.data_quality_level, m.quality_score_breakdown AS b FROM neanelu.prod_master AS m WHERE m.dedupe_status <> 'duplicate' ORDER BY m.id DESC LIMIT 20000
    )
    SELECT jsonb_build_object(
        'levels', (SELECT jsonb_object_agg(l.level, jsonb_build_object('products', coalesce(c.products, 0), 'score', c.score) ORDER BY pim._level_rank(l.level) DESC)
                     FROM (VALUES ('golden'), ('silver'), ('bronze'), ('review_needed')) AS l (level)
                     LEFT JOIN (SELECT m.data_quality_level, count(*) AS products, round(avg(m.quality_score), 2) AS score FROM neanelu.prod_master AS m
                                 WHERE m.dedupe_status <> 'duplicate' GROUP BY 1) AS c ON c.data_quality_level = l.level),
        'sampled', (SELECT count(*) FROM sample),
        'missing', (SELECT coalesce(jsonb_agg(jsonb_build_object('field', x.field, 'products', x.products)), '[]')
                      FROM (SELECT f.value AS field, count(*) AS products FROM sample AS s
                             CROSS JOIN LATERAL jsonb_array_elements_text(s.b -> 'missing') AS f GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10) AS x),
        'short_of_golden', (SELECT coalesce(jsonb_agg(jsonb_build_object('reason', x.reason, 'products', x.products)), '[]')
                              FROM (SELECT r.value AS reason, count(*) AS products FROM sample AS s
                                     CROSS JOIN LATERAL jsonb_array_elements_text(s.b -> 'unmet' -> 'golden') AS r GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10) AS x),
        'waiting', jsonb_build_object(
            'proposals', (SELECT count(*) FROM neanelu.prod_proposals AS p WHERE p.proposal_status = 'pending'),
            'clusters', (SELECT count(*) FROM neanelu.prod_dedupe_clusters AS d WHERE d.status = 'pending')))
$$;
COMMENT ON FUNCTION pim.quality_overview() IS
    'How many golden records have which level, and what the latest 20,000 lack most, and why they are not golden. Reads all golden records. Takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.find(text), pim.show(uuid), pim.history(uuid), pim.quality_overview() TO neanelu_pim_editor, neanelu_analyst, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.restore_product(uuid, integer, uuid, text), pim.set_product_value(uuid, text, jsonb, uuid, text) TO neanelu_pim_editor, neanelu_operator;

COMMIT;

-- Deploy neanelu:functions/normalise/sessions to pg
-- requires: functions/normalise/map
-- The fields of readings, named and normalised: the hot path between extraction and proposals.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise._raw_text(p_raw jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE jsonb_typeof(p_raw)
        WHEN 'string' THEN p_raw #>> '{}' WHEN 'number' THEN p_raw #>> '{}' WHEN 'boolean' THEN p_raw #>> '{}'
        WHEN 'array' THEN (SELECT string_agg(normalise._raw_text(e.v), E'\n' ORDER BY e.n) FROM jsonb_array_elements(p_raw) WITH ORDINALITY AS e (v, n))
        WHEN 'object' THEN coalesce(
            concat_ws(' - ', nullif(p_raw ->> 'minValue', ''), nullif(p_raw ->> 'maxValue', '')) || nullif(coalesce(p_raw ->> 'unitText', ''), '') ,
            nullif(concat_ws(' ', p_raw ->> 'value', coalesce(p_raw ->> 'unit', p_raw ->> 'unitText')), ''), p_raw ->> 'name', p_raw ->> '@value') END
$$;
COMMENT ON FUNCTION normalise._raw_text(jsonb) IS
    'A raw value as text: arrays a line an element, objects like schema.org''s QuantitativeValue as number and unit. Pure.';

CREATE FUNCTION normalise._confidence(p_value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_value) = 'number' THEN least(1, greatest(0, (p_value #>> '{}')::numeric)) END;
COMMENT ON FUNCTION normalise._confidence(jsonb) IS 'A confidence out of jsonb, held between 0 and 1; null for what is none. Pure.';

-- Whoever calls it with plans made for each call: what is read for each of many values keeps its own.
CREATE FUNCTION normalise._core_field(p_field text, p_raw jsonb, p_currency text, p_locale text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp SET plan_cache_mode = auto
AS $$
DECLARE
    v_text text := CASE WHEN p_field = 'category' AND jsonb_typeof(p_raw) = 'array'
                        THEN (SELECT string_agg(e.v, ' > ' ORDER BY e.n) FROM jsonb_array_elements_text(p_raw) WITH ORDINALITY AS e (v, n))
                        WHEN jsonb_typeof(p_raw) = 'array' THEN normalise._raw_text(p_raw -> 0) ELSE normalise._raw_text(p_raw) END;
    v_amount numeric;
BEGIN
    IF p_field IN ('brand', 'manufacturer') THEN
        RETURN to_jsonb(normalise.brand(v_text));
    ELSIF p_field = 'gtin' THEN
        RETURN to_jsonb(normalise.gtin(v_text));
    ELSIF p_field = 'price' THEN
        v_amount := CASE WHEN v_text ~ '^\d{1,12}(\.\d{1,2})?$' THEN trim_scale(v_text::numeric) END;
        IF v_amount IS NULL THEN
            SELECT m.amount INTO v_amount FROM normalise.measures(regexp_replace(translate(v_text, '–—−', '---'), '[^\d.,\s''-]', ' ', 'g'), 'none', p_locale) AS m LIMIT 1;
        END IF;
        RETURN CASE WHEN v_amount >= 0 THEN jsonb_strip_nulls(jsonb_build_object('value', v_amount, 'unit', upper(nullif(btrim(p_currency), '')))) END;
    END IF;
    RETURN to_jsonb(normalise.clean_text(v_text));
END
$$;
COMMENT ON FUNCTION normalise._core_field(text, jsonb, text, text) IS
    'A main field of a reading: brands by their key, GTINs of 14 digits, prices with currency as unit, texts clean. Null when unreadable. Reads only.';

CREATE FUNCTION normalise.category(p_text text, p_names jsonb DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp SET plan_cache_mode = auto
AS $$
DECLARE
    v_wanted constant text := coalesce(p_names ->> btrim(p_text), btrim(p_text));
    v_id     uuid := pim.category_id(v_wanted);
BEGIN
    IF v_id IS NULL THEN
        -- The last part of a path, where only one category has that name.
        SELECT (array_agg(t.id))[1] INTO v_id FROM prod_taxonomy AS t
         WHERE t.is_active AND lower(t.name) = lower(btrim(substring(v_wanted FROM '[^>/|»]+$'))) HAVING count(*) = 1;
    END IF;
    RETURN (SELECT coalesce(t.shopify_taxonomy_id, t.slug) FROM prod_taxonomy AS t WHERE t.id = v_id);
END
$$;
COMMENT ON FUNCTION normalise.category(text, jsonb) IS
    'The category that a source means, as Shopify''s id (or the slug of one that has none): by the source''s own names (prod_sources.config -> categories: '
    '{text: id, slug or path}), by id, slug or path, or by the last part of a path where one category alone has that name; null for none. Reads only.';

CREATE FUNCTION normalise._map_new_names(p_session_ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_new record;
BEGIN
    FOR v_new IN
        WITH seen AS MATERIALIZED (
            SELECT h.source_id, a.name, left(coalesce(e.extracted_specs ->> 'locale', s.config ->> 'locale'), 10) AS locale, a.value
              FROM prod_extraction_sessions AS e
              JOIN prod_raw_harvest AS h ON h.id = e.harvest_id AND h.fetched_at = e.harvest_fetched_at
              JOIN prod_sources AS s ON s.id = h.source_id
             CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(e.extracted_specs -> 'attributes') WHEN 'object' THEN e.extracted_specs -> 'attributes' ELSE '{}' END) AS a (name, value)
             WHERE e.id = ANY (p_session_ids)
        ), named AS MATERIALIZED (
            SELECT n.source_id, n.name, normalise.name_key(n.name) AS key FROM (SELECT DISTINCT s.source_id, s.name FROM seen AS s) AS n
        ), missing AS (
            SELECT n.source_id, n.name FROM named AS n
             WHERE n.key <> '' AND NOT EXISTS (SELECT FROM prod_attr_mappings AS m WHERE m.source_id = n.source_id AND m.name_key = n.key)
        )
        SELECT q.source_id, min(q.locale) AS locale, array_agg(q.name ORDER BY q.name) AS names, jsonb_object_agg(q.name, q.examples) AS examples
          FROM (SELECT m.source_id, m.name, min(s.locale) AS locale, (array_agg(DISTINCT normalise._raw_text(s.value)))[1 : 30] AS examples
                  FROM missing AS m JOIN seen AS s ON s.source_id = m.source_id AND s.name = m.name GROUP BY 1, 2) AS q
         GROUP BY q.source_id ORDER BY q.source_id
    LOOP
        PERFORM normalise.map_attributes(v_new.source_id, v_new.names, v_new.examples, v_new.locale);
    END LOOP;
END
$$;
COMMENT ON FUNCTION normalise._map_new_names(uuid[]) IS
    'Names of attributes that sources use for the first time in these readings are mapped, with their values as evidence. Idempotent.';

CREATE FUNCTION normalise._attribute_fields(p_session_ids uuid[])
RETURNS TABLE (session_id uuid, source_id uuid, name text, raw jsonb, code text, value jsonb, confidence numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    WITH said AS MATERIALIZED (
        SELECT e.id, h.source_id, a.name, a.value AS raw, left(coalesce(e.extracted_specs ->> 'locale', s.config ->> 'locale'), 10) AS locale,
               coalesce(normalise._confidence(e.field_confidences -> a.name), normalise._confidence(e.field_confidences -> 'attributes'),
                        e.confidence_score::numeric, 0.8) AS confidence
          FROM prod_extraction_sessions AS e
          JOIN prod_raw_harvest AS h ON h.id = e.harvest_id AND h.fetched_at = e.harvest_fetched_at
          JOIN prod_sources AS s ON s.id = h.source_id
         CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(e.extracted_specs -> 'attributes') WHEN 'object' THEN e.extracted_specs -> 'attributes' ELSE '{}' END) AS a (name, value)
         WHERE e.id = ANY (p_session_ids)
    ), keyed AS MATERIALIZED (
        SELECT n.source_id, n.name, normalise.name_key(n.name) AS key FROM (SELECT DISTINCT s.source_id, s.name FROM said AS s) AS n
    ), named AS MATERIALIZED (
        SELECT n.source_id, n.name, m.definition_id, m.source_unit, m.score
          FROM keyed AS n
          JOIN prod_attr_mappings AS m ON m.source_id = n.source_id AND m.name_key = n.key AND m.decision = 'applied'
    ), wanted AS MATERIALIZED (
        -- Each distinct value is read once, however often it is said.
        SELECT DISTINCT ON (k.key) k.key, n.definition_id, s.raw, s.locale, n.source_unit
          FROM said AS s JOIN named AS n ON n.source_id = s.source_id AND n.name = s.name
         CROSS JOIN LATERAL (SELECT concat_ws(chr(31), n.definition_id, coalesce(s.locale, ''), coalesce(n.source_unit, ''), s.raw::text) AS key) AS k ORDER BY k.key
    ), read AS MATERIALIZED (
        SELECT w.*, d.code, normalise.value(normalise._raw_text(w.raw), d.data_type, d.unit, d.unit_family, w.locale, d.allowed_values, w.source_unit) AS value
          FROM wanted AS w JOIN prod_attr_definitions AS d ON d.id = w.definition_id
    )
    SELECT s.id, s.source_id, s.name, s.raw, r.code::text, r.value, round(s.confidence * coalesce(n.score, 1), 4)
      FROM said AS s
      LEFT JOIN named AS n ON n.source_id = s.source_id AND n.name = s.name
      LEFT JOIN read AS r ON r.key = concat_ws(chr(31), n.definition_id, coalesce(s.locale, ''), coalesce(n.source_unit, ''), s.raw::text)
$$;
COMMENT ON FUNCTION normalise._attribute_fields(uuid[]) IS 'The attributes of readings with what they mean and their normalised values; names as mapped so far. Reads only.';

CREATE FUNCTION normalise.session_fields(p_session_ids uuid[])
RETURNS TABLE (session_id uuid, source_id uuid, field_path text, value jsonb, raw jsonb, confidence numeric)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    PERFORM normalise._map_new_names(p_session_ids);
    RETURN QUERY
        WITH sessions AS MATERIALIZED (
            SELECT e.id, h.source_id, e.extracted_specs AS specs, e.field_confidences AS sure, coalesce(e.confidence_score, 0.8)::numeric AS score,
                   left(coalesce(e.extracted_specs ->> 'locale', s.config ->> 'locale'), 10) AS locale, coalesce(e.extracted_specs ->> 'currency', s.config ->> 'currency') AS currency,
                   s.config -> 'categories' AS categories
              FROM prod_extraction_sessions AS e
              JOIN prod_raw_harvest AS h ON h.id = e.harvest_id AND h.fetched_at = e.harvest_fetched_at
              JOIN prod_sources AS s ON s.id = h.source_id
             WHERE e.id = ANY (p_session_ids)
        ), said AS MATERIALIZED (
            -- Clean texts stand for themselves; what else many products have in common is read once.
            SELECT s.id, s.source_id, f.field, s.specs -> f.field AS raw, s.currency, s.locale, s.categories, coalesce(normalise._confidence(s.sure -> f.field), s.score) AS score,
                   concat_ws(chr(31), f.field, coalesce(s.currency, ''), coalesce(s.locale, ''), CASE WHEN f.field = 'category' THEN s.source_id END,
                             (s.specs -> f.field)::text) AS key,
                   f.field NOT IN ('brand', 'manufacturer', 'gtin', 'category', 'price') AND jsonb_typeof(s.specs -> f.field) = 'string'
                   AND s.specs ->> f.field !~ '[^\u0020-\u007e\u00c0-\u024f]|  |^ | $|^$' AS is_clean
              FROM sessions AS s CROSS JOIN unnest('{title,brand,manufacturer,mpn,gtin,model,description,category,image,price}'::text[]) AS f (field)
             WHERE jsonb_typeof(s.specs -> f.field) <> 'null'
        ), read AS MATERIALIZED (
            SELECT d.key, coalesce(CASE WHEN d.field = 'category' THEN to_jsonb(normalise.category(v.value #>> '{}', d.categories)) END, v.value) AS value
              FROM (SELECT DISTINCT ON (o.key) o.* FROM said AS o WHERE NOT o.is_clean ORDER BY o.key) AS d
             CROSS JOIN LATERAL (SELECT normalise._core_field(d.field, d.raw, d.currency, d.locale) AS value OFFSET 0) AS v
        )
        SELECT s.id, s.source_id, s.field, CASE WHEN s.is_clean THEN s.raw ELSE r.value END, s.raw, s.score
          FROM said AS s LEFT JOIN read AS r ON r.key = s.key
        UNION ALL
        SELECT a.session_id, a.source_id, 'specs.' || a.code, a.value,
               CASE WHEN a.code IS NULL THEN jsonb_build_object('name', a.name, 'value', a.raw) ELSE a.raw END, a.confidence
          FROM normalise._attribute_fields(p_session_ids) AS a;
END
$$;
COMMENT ON FUNCTION normalise.session_fields(uuid[]) IS
    'Every field of readings as proposals name them: main fields as JSON scalars (price as {"value", "unit": currency}), attributes as '
    'normalise.value gives them. value null: it could not be read. Names that mean no attribute (yet) come with field_path null and '
    '{"name", "value"} in raw. confidence: the field''s, else the reading''s, times the certainty of the name. Maps names that are new; idempotent.';

GRANT EXECUTE ON FUNCTION normalise.session_fields(uuid[]), normalise.category(text, jsonb) TO neanelu_platform, neanelu_pim_editor, neanelu_operator;

COMMIT;

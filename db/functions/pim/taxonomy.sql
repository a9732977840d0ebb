-- Deploy neanelu:functions/pim/taxonomy to pg
-- requires: policies/pim
-- requires: functions/normalise/names
-- Categories and attributes come from published files, as sets and again and again; what a category demands is inherited.

BEGIN;

SET LOCAL search_path = neanelu, pim, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._slug(p_path text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT btrim(left(regexp_replace(regexp_replace(normalise.fold(array_to_string(p_path, ' / ')), '&', 'and', 'g'), '[^a-z0-9]+', '-', 'g'), 255), '-')
$$;
COMMENT ON FUNCTION pim._slug(text[]) IS 'A path of names as a-z, 0-9 and hyphens, of at most 255 characters. Pure.';

CREATE FUNCTION pim._attribute_code(p_handle text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN c.code ~ '^[a-z]' THEN c.code WHEN c.code <> '' THEN left('a_' || c.code, 100) END
      FROM (SELECT btrim(left(regexp_replace(normalise.fold(p_handle), '[^a-z0-9]+', '_', 'g'), 100), '_') AS code) AS c
$$;
COMMENT ON FUNCTION pim._attribute_code(text) IS
    'The code of an attribute by its published handle: 3d-glasses-type becomes a_3d_glasses_type; null for nothing. Pure.';

CREATE FUNCTION pim._check_categories(p_categories jsonb, p_most_removed numeric) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_bad text;
    v_known bigint;
    v_gone bigint;
BEGIN
    IF jsonb_typeof(p_categories) IS DISTINCT FROM 'array' OR jsonb_array_length(p_categories) = 0 THEN
        RAISE EXCEPTION 'a taxonomy is a list of categories' USING ERRCODE = 'NX001';
    END IF;
    SELECT c.v::text INTO v_bad FROM jsonb_array_elements(p_categories) AS c (v)
     WHERE coalesce(c.v ->> 'id', '') = '' OR length(c.v ->> 'id') > 100 OR jsonb_typeof(c.v -> 'path') IS DISTINCT FROM 'array'
        OR jsonb_array_length(c.v -> 'path') NOT BETWEEN 1 AND 20
        OR EXISTS (SELECT FROM jsonb_array_elements(c.v -> 'path') AS e (x) WHERE jsonb_typeof(e.x) <> 'string' OR length(btrim(e.x #>> '{}')) NOT BETWEEN 1 AND 255) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'not a category: %', left(v_bad, 200) USING ERRCODE = 'NX001';
    END IF;
    SELECT min(c.v ->> 'id') INTO v_bad FROM jsonb_array_elements(p_categories) AS c (v) GROUP BY c.v -> 'path' HAVING count(*) > 1
     UNION ALL SELECT c.v ->> 'id' FROM jsonb_array_elements(p_categories) AS c (v) GROUP BY 1 HAVING count(*) > 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'category % occurs twice', v_bad USING ERRCODE = 'NX002';
    END IF;
    SELECT c.v ->> 'id' INTO v_bad FROM jsonb_array_elements(p_categories) AS c (v)
     WHERE jsonb_array_length(c.v -> 'path') > 1
       AND (c.v -> 'path') - (-1) NOT IN (SELECT p.v -> 'path' FROM jsonb_array_elements(p_categories) AS p (v)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the category above % is missing', v_bad USING ERRCODE = 'NX003';
    END IF;
    SELECT count(*), count(*) FILTER (WHERE t.shopify_taxonomy_id NOT IN (SELECT c.v ->> 'id' FROM jsonb_array_elements(p_categories) AS c (v))) INTO v_known, v_gone
      FROM prod_taxonomy AS t WHERE t.shopify_taxonomy_id IS NOT NULL AND t.is_active;
    IF v_gone > greatest(10, p_most_removed * v_known) THEN
        RAISE EXCEPTION '% of % categories are missing in the file', v_gone, v_known USING ERRCODE = 'NX004',
            HINT = 'part of a taxonomy? If it is meant, allow more to be removed';
    END IF;
END
$$;
COMMENT ON FUNCTION pim._check_categories(jsonb, numeric) IS
    'Refuses a file that is no taxonomy. Reads only. Raises NX001 (no list, no category), NX002 (twice), NX003 (no parent), NX004 (too many missing).';

CREATE FUNCTION pim._wanted_categories(p_categories jsonb)
RETURNS TABLE (id uuid, is_new boolean, gid text, path text[], attributes jsonb, parent_id uuid, sort_order integer, slug text, nth bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    WITH base AS MATERIALIZED (
        SELECT coalesce(t.id, uuidv7()) AS id, t.id IS NULL AS is_new, c.v ->> 'id' AS gid, c.n,
               ARRAY(SELECT btrim(e.x) FROM jsonb_array_elements_text(c.v -> 'path') WITH ORDINALITY AS e (x, n) ORDER BY e.n) AS path,
               -- null: the file says nothing about attributes
               CASE WHEN jsonb_typeof(c.v -> 'attributes') = 'array' THEN coalesce(
                   (SELECT jsonb_object_agg(a.code, '{"imported": true, "required": false}'::jsonb)
                      FROM (SELECT pim._attribute_code(x) AS code FROM jsonb_array_elements_text(c.v -> 'attributes') AS x) AS a WHERE a.code IS NOT NULL), '{}') END AS attributes
          FROM jsonb_array_elements(p_categories) WITH ORDINALITY AS c (v, n)
          LEFT JOIN prod_taxonomy AS t ON t.shopify_taxonomy_id = c.v ->> 'id'
    ), slugs AS MATERIALIZED (
        SELECT b.*, pim._slug(b.path) AS slug FROM base AS b
    )
    SELECT b.id, b.is_new, b.gid, b.path, b.attributes, p.id, (row_number() OVER (PARTITION BY p.id ORDER BY b.n))::integer,
           b.slug, row_number() OVER (PARTITION BY b.slug ORDER BY b.n)
      FROM slugs AS b LEFT JOIN base AS p ON p.path = b.path[1 : cardinality(b.path) - 1]
$$;
COMMENT ON FUNCTION pim._wanted_categories(jsonb) IS 'The categories of a file with the ids of those that are known, new ids for others, and their parents. Writes nothing.';

CREATE FUNCTION pim.import_taxonomy(p_categories jsonb, p_most_removed numeric DEFAULT 0.2)
RETURNS TABLE (inserted integer, updated integer, deactivated integer, unchanged integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pim.import_taxonomy'));
    PERFORM pim._check_categories(p_categories, p_most_removed);
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT w.*, w.path[cardinality(w.path)]::varchar(255) AS name FROM pim._wanted_categories(p_categories) AS w
    ), schemas AS MATERIALIZED (
        -- What people made stays; what a file brought goes when the file does not say it any more.
        SELECT w.id, CASE WHEN w.attributes IS NULL THEN o.attribute_schema ELSE w.attributes || coalesce((
                   SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(o.attribute_schema) AS e
                    WHERE NOT coalesce((e.value ->> 'imported')::boolean, false) OR w.attributes ? e.key), '{}') END AS attribute_schema
          FROM wanted AS w JOIN prod_taxonomy AS o ON o.id = w.id
    ), changed AS (
        UPDATE prod_taxonomy AS t
           SET parent_id = w.parent_id, name = w.name, breadcrumbs = w.path, level = cardinality(w.path) - 1, sort_order = w.sort_order,
               is_active = true, attribute_schema = s.attribute_schema, updated_at = now()
          FROM wanted AS w JOIN schemas AS s ON s.id = w.id
         WHERE t.id = w.id AND NOT w.is_new AND (t.parent_id, t.name, t.breadcrumbs, t.sort_order, t.is_active, t.attribute_schema)
               IS DISTINCT FROM (w.parent_id, w.name, w.path, w.sort_order, true, s.attribute_schema)
        RETURNING 1
    ), made AS (
        INSERT INTO prod_taxonomy (id, parent_id, name, slug, breadcrumbs, level, attribute_schema, shopify_taxonomy_id, sort_order)
        SELECT w.id, w.parent_id, w.name,
               CASE WHEN w.slug <> '' AND w.nth = 1 AND NOT EXISTS (SELECT FROM prod_taxonomy AS o WHERE o.slug = w.slug) THEN w.slug
                    ELSE left(w.slug, 190) || '-' || right(pim._slug(ARRAY[w.gid]), 60) END,
               w.path, cardinality(w.path) - 1, coalesce(w.attributes, '{}'), w.gid, w.sort_order
          FROM wanted AS w WHERE w.is_new ORDER BY cardinality(w.path), w.path
        RETURNING 1
    ), gone AS (
        UPDATE prod_taxonomy AS t SET is_active = false, updated_at = now()
         WHERE t.shopify_taxonomy_id IS NOT NULL AND t.is_active AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.id = t.id)
        RETURNING 1
    )
    SELECT n.made, n.changed, n.gone, jsonb_array_length(p_categories) - n.made - n.changed
      FROM (SELECT (SELECT count(*) FROM made)::integer AS made, (SELECT count(*) FROM changed)::integer AS changed,
                   (SELECT count(*) FROM gone)::integer AS gone) AS n;
END
$$;
COMMENT ON FUNCTION pim.import_taxonomy(jsonb, numeric) IS
    'Brings a published taxonomy in: [{"id": gid, "path": [names from the root], "attributes": [handles]}], as one set. New categories are made, '
    'changed ones changed (slugs stay), those missing in the file deactivated, never deleted. Attributes of the file become entries of '
    'attribute_schema beside those that people made. Idempotent: the same again writes nothing. One at a time (advisory lock). '
    'Raises NX001 to NX004 (pim._check_categories).';

CREATE FUNCTION pim.import_attributes(p_attributes jsonb) RETURNS TABLE (inserted integer, updated integer, unchanged integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    IF jsonb_typeof(p_attributes) IS DISTINCT FROM 'array' OR EXISTS (
        SELECT FROM jsonb_array_elements(p_attributes) AS a (v) WHERE pim._attribute_code(coalesce(a.v ->> 'handle', a.v ->> 'name')) IS NULL) THEN
        RAISE EXCEPTION 'attributes are a list of {"handle", "name"}' USING ERRCODE = 'NX005';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('pim.import_taxonomy'));
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (q.code) q.* FROM (
            SELECT pim._attribute_code(coalesce(a.v ->> 'handle', a.v ->> 'name')) AS code, left(coalesce(a.v ->> 'name', a.v ->> 'handle'), 255) AS label,
                   nullif(a.v ->> 'description', '') AS description, a.n,
                   CASE WHEN jsonb_typeof(a.v -> 'values') = 'array' AND jsonb_array_length(a.v -> 'values') > 0 THEN (
                       SELECT jsonb_agg(CASE jsonb_typeof(e.v) WHEN 'string' THEN e.v
                                        ELSE jsonb_build_object('code', coalesce(e.v ->> 'handle', e.v ->> 'name'), 'labels', jsonb_build_object('en', jsonb_build_array(e.v ->> 'name'))) END ORDER BY e.n)
                         FROM jsonb_array_elements(a.v -> 'values') WITH ORDINALITY AS e (v, n)) END AS allowed
              FROM jsonb_array_elements(p_attributes) WITH ORDINALITY AS a (v, n)) AS q ORDER BY q.code, q.n
    ), fresh AS MATERIALIZED (
        SELECT w.*, (SELECT c.x[cardinality(c.x)] FROM normalise.concepts(w.label, 'en') AS c (x)) AS head
          FROM wanted AS w WHERE NOT EXISTS (SELECT FROM prod_attr_definitions AS d WHERE d.code = w.code)
    ), kinds AS MATERIALIZED (
        -- Only the head of the name, its last word, says what the values are: a power source is no power.
        SELECT w.*, CASE WHEN w.allowed IS NOT NULL THEN 'enum' ELSE coalesce(k.data_type, 'string') END AS data_type,
               CASE WHEN w.allowed IS NULL AND k.data_type IN ('number', 'dimensions', 'range') THEN k.unit_family END AS family
          FROM fresh AS w LEFT JOIN prod_attr_kinds AS k ON k.concept = w.head
    ), changed AS (
        UPDATE prod_attr_definitions AS d
           SET label = w.label, description = coalesce(w.description, d.description),
               allowed_values = CASE WHEN d.data_type IN ('enum', 'list') THEN coalesce(w.allowed, d.allowed_values) ELSE d.allowed_values END, updated_at = now()
          FROM wanted AS w WHERE d.code = w.code
           AND (d.label <> w.label OR w.description <> d.description OR w.description IS NOT NULL AND d.description IS NULL
                OR d.data_type IN ('enum', 'list') AND w.allowed IS NOT NULL AND w.allowed IS DISTINCT FROM d.allowed_values)
        RETURNING 1
    ), made AS (
        INSERT INTO prod_attr_definitions (code, label, description, data_type, unit, unit_family, allowed_values)
        SELECT k.code, k.label, k.description, k.data_type, pim._usual_unit(k.family), k.family, k.allowed FROM kinds AS k ORDER BY k.n
        RETURNING 1
    )
    SELECT m.n, c.n, (SELECT count(*) FROM wanted)::integer - m.n - c.n
      FROM (SELECT count(*)::integer AS n FROM made) AS m, (SELECT count(*)::integer AS n FROM changed) AS c;
END
$$;
COMMENT ON FUNCTION pim.import_attributes(jsonb) IS
    'Brings published attributes in: [{"handle", "name", "description", "values": [{"handle", "name"}]}]. With values an enum; else the last '
    'word of the name says the kind and unit. Known ones keep kind and unit, their labels and values follow the file; nothing is removed. '
    'Idempotent: the same again writes nothing. One at a time (advisory lock). Raises NX005 (no list of attributes).';

CREATE FUNCTION pim._usual_unit(p_family text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE p_family WHEN 'length' THEN 'cm' WHEN 'mass' THEN 'kg' WHEN 'volume' THEN 'l' WHEN 'area' THEN 'm2' WHEN 'voltage' THEN 'V'
        WHEN 'current' THEN 'A' WHEN 'frequency' THEN 'Hz' WHEN 'temperature' THEN 'degC' WHEN 'power' THEN 'W' WHEN 'pressure' THEN 'bar'
        WHEN 'angle' THEN 'deg' WHEN 'fraction' THEN 'pct' WHEN 'sound' THEN 'dB' WHEN 'luminance' THEN 'cd_m2' WHEN 'torque' THEN 'Nm'
        WHEN 'energy' THEN 'kWh' WHEN 'rotation' THEN 'rpm' WHEN 'resistance' THEN 'ohm' WHEN 'luminous_flux' THEN 'lm' WHEN 'data' THEN 'GB'
        WHEN 'pixels' THEN 'px' WHEN 'flow' THEN 'l_min' WHEN 'force' THEN 'N' WHEN 'duration' THEN 'h' END
$$;
COMMENT ON FUNCTION pim._usual_unit(text) IS 'The unit in which values of a family are kept unless somebody says otherwise; null for none. Pure.';

CREATE FUNCTION pim.attribute_schema(p_taxonomy_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE line AS (
        SELECT t.id, t.parent_id, t.attribute_schema, 0 AS up FROM prod_taxonomy AS t WHERE t.id = p_taxonomy_id
        UNION ALL
        SELECT t.id, t.parent_id, t.attribute_schema, l.up + 1 FROM line AS l JOIN prod_taxonomy AS t ON t.id = l.parent_id
    ), said AS (
        SELECT a.key AS code, a.value, l.up FROM line AS l CROSS JOIN LATERAL jsonb_each(l.attribute_schema) AS a
    ), kept AS (
        -- null takes an attribute away for this category and those below it.
        SELECT s.* FROM said AS s
         WHERE jsonb_typeof(s.value) = 'object' AND NOT EXISTS (SELECT FROM said AS o WHERE o.code = s.code AND o.up <= s.up AND jsonb_typeof(o.value) = 'null')
    ), settings AS (
        SELECT DISTINCT ON (k.code, e.key) k.code, e.key, e.value FROM kept AS k CROSS JOIN LATERAL jsonb_each(k.value) AS e ORDER BY k.code, e.key, k.up
    )
    SELECT coalesce(jsonb_object_agg(q.code, q.settings), '{}')
      FROM (SELECT k.code, coalesce((SELECT jsonb_object_agg(s.key, s.value) FROM settings AS s WHERE s.code = k.code AND s.key <> 'imported'), '{}') AS settings
              FROM (SELECT DISTINCT code FROM kept) AS k) AS q
$$;
COMMENT ON FUNCTION pim.attribute_schema(uuid) IS
    'What products of a category should say, its own and inherited: {attribute code: settings}. The nearer category wins, setting by setting; '
    'null takes an attribute away. Empty for no category. Reads only.';

CREATE FUNCTION pim.find_categories(p_query text DEFAULT NULL, p_parent_id uuid DEFAULT NULL, p_limit integer DEFAULT 50, p_all boolean DEFAULT false)
RETURNS TABLE (id uuid, shopify_taxonomy_id text, path text, level integer, slug text, is_active boolean, children bigint, products bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, extensions, pg_temp
AS $$
    SELECT t.id, t.shopify_taxonomy_id::text, array_to_string(t.breadcrumbs, ' > '), t.level, t.slug::text, t.is_active,
           (SELECT count(*) FROM prod_taxonomy AS c WHERE c.parent_id = t.id AND c.is_active), (SELECT count(*) FROM prod_master AS m WHERE m.taxonomy_id = t.id)
      FROM prod_taxonomy AS t
     WHERE (t.is_active OR p_all)
       AND CASE WHEN p_query IS NULL THEN t.parent_id IS NOT DISTINCT FROM p_parent_id
                ELSE t.shopify_taxonomy_id = p_query OR t.slug = p_query OR normalise.fold(t.name) LIKE '%' || replace(normalise.fold(p_query), '%', '') || '%'
                     OR similarity(normalise.fold(t.name), normalise.fold(p_query)) > 0.45 END
     ORDER BY CASE WHEN p_query IS NOT NULL THEN -similarity(normalise.fold(t.name), normalise.fold(p_query)) ELSE 0 END, t.level, t.sort_order, t.breadcrumbs
     LIMIT least(greatest(p_limit, 1), 1000)
$$;
COMMENT ON FUNCTION pim.find_categories(text, uuid, integer, boolean) IS
    'Categories by words of their name, id or slug, best first; without a query the children of p_parent_id, or the roots. Reads only.';

CREATE FUNCTION pim.category_id(p_text text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT t.id FROM prod_taxonomy AS t
     WHERE t.shopify_taxonomy_id IN (p_text, 'gid://shopify/TaxonomyCategory/' || p_text) OR t.slug IN (p_text, pim._slug(string_to_array(p_text, ' > ')))
     ORDER BY t.is_active DESC, t.level LIMIT 1
$$;
COMMENT ON FUNCTION pim.category_id(text) IS 'The category of a Shopify id (whole, or aa-1-2), a slug, or a path A > B > C; null for none. Reads only.';

GRANT EXECUTE ON FUNCTION pim.import_taxonomy(jsonb, numeric), pim.import_attributes(jsonb) TO neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.attribute_schema(uuid), pim.find_categories(text, uuid, integer, boolean), pim.category_id(text)
    TO neanelu_platform, neanelu_pim_editor, neanelu_analyst, neanelu_operator, neanelu_harvester;

COMMIT;

-- Deploy neanelu:functions/pim/semantics to pg
-- requires: functions/pim/quality
-- What searches and shop windows need of golden records: full text by language, keywords, a summary, schema.org.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim.search_config(p_locale text)
RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE lower(split_part(replace(coalesce(p_locale, ''), '_', '-'), '-', 1))
        WHEN 'ro' THEN 'neanelu.pim_romanian'::regconfig WHEN 'mo' THEN 'neanelu.pim_romanian'::regconfig
        WHEN 'en' THEN 'neanelu.pim_english'::regconfig WHEN 'de' THEN 'neanelu.pim_german'::regconfig
        WHEN 'fr' THEN 'neanelu.pim_french'::regconfig WHEN 'es' THEN 'neanelu.pim_spanish'::regconfig
        WHEN 'it' THEN 'neanelu.pim_italian'::regconfig WHEN 'hu' THEN 'neanelu.pim_hungarian'::regconfig
        WHEN 'nl' THEN 'neanelu.pim_dutch'::regconfig WHEN 'pt' THEN 'neanelu.pim_portuguese'::regconfig
        ELSE 'neanelu.pim_simple'::regconfig END
$$;
COMMENT ON FUNCTION pim.search_config(text) IS
    'The text search configuration of a language (BCP 47); pim_simple for those that have none. All fold diacritics. Pure. Raises: nothing';

CREATE FUNCTION pim._plain_text(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT btrim(regexp_replace(CASE WHEN p_text ~ '[<&]' THEN regexp_replace(regexp_replace(p_text, '<[^<>]*>', ' ', 'g'), '&(nbsp|#160);', ' ', 'g')
                                     ELSE p_text END, '\s+', ' ', 'g'))
$$;
COMMENT ON FUNCTION pim._plain_text(text) IS 'A text without tags, white space folded. Pure. Raises: nothing';

CREATE FUNCTION pim._summary(p_text text, p_length integer DEFAULT 300)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN length(p_text) <= p_length THEN nullif(p_text, '')
                ELSE coalesce(substring(left(p_text, p_length) FROM '^(.{80,}[.!?])\s'),
                              substring(left(p_text, p_length - 1) FROM '^(.{40,})\s') || '…', left(p_text, p_length - 1) || '…') END
$$;
COMMENT ON FUNCTION pim._summary(text, integer) IS 'The beginning of a text, to the end of a sentence, else of a word. Pure. Raises: nothing';

CREATE FUNCTION pim._value_text(p_value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE jsonb_typeof(v.value)
               WHEN 'string' THEN v.value #>> '{}'
               WHEN 'number' THEN concat_ws(' ', v.value #>> '{}', v.unit)
               WHEN 'boolean' THEN NULL
               WHEN 'array' THEN (SELECT string_agg(coalesce(e.value ->> 'value', e.value #>> '{}'), ' ') FROM jsonb_array_elements(v.value) AS e) || coalesce(' ' || v.unit, '')
               WHEN 'object' THEN (SELECT string_agg(e.value, ' ') FROM jsonb_each_text(v.value) AS e) END
      FROM (SELECT CASE WHEN jsonb_typeof(p_value) = 'object' AND p_value ? 'value' THEN p_value -> 'value' ELSE p_value END AS value,
                   CASE WHEN jsonb_typeof(p_value) = 'object' THEN p_value ->> 'unit' END AS unit) AS v
$$;
COMMENT ON FUNCTION pim._value_text(jsonb) IS 'An attribute''s value as words to search for: number and unit, elements of lists; null for yes and no. Pure. Raises: nothing';

CREATE FUNCTION pim._pages(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, locale text, title text, description text, brand text, numbers text, keywords text[], specs text, json_ld jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH field AS MATERIALIZED (
        SELECT f.product_id, f.field_path, f.value,
               -- What is plain needs no call.
               CASE jsonb_typeof(coalesce(f.value -> 'value', f.value))
                   WHEN 'string' THEN coalesce(f.value -> 'value', f.value) #>> '{}'
                   WHEN 'number' THEN concat_ws(' ', coalesce(f.value -> 'value', f.value) #>> '{}', f.value ->> 'unit')
                   ELSE pim._value_text(f.value) END AS words,
               d.label, d.code, coalesce(d.is_searchable, true) AS is_searchable, coalesce(d.display_order, 0) AS place
          FROM pim._field_values(p_product_ids) AS f
          LEFT JOIN neanelu.prod_attr_definitions AS d ON f.field_path LIKE 'specs.%' AND d.code = substr(f.field_path, 7)
    ), product AS (
        SELECT f.product_id,
               max(f.words) FILTER (WHERE f.field_path = 'description') AS description, max(f.words) FILTER (WHERE f.field_path = 'model') AS model,
               (array_agg(f.value) FILTER (WHERE f.field_path = 'image'))[1] AS image,
               string_agg(f.words, ' ' ORDER BY f.place, f.field_path) FILTER (WHERE f.field_path LIKE 'specs.%' AND f.is_searchable) AS specs,
               array_agg(lower(f.words) ORDER BY f.place, f.field_path)
                   FILTER (WHERE f.field_path LIKE 'specs.%' AND f.is_searchable AND jsonb_typeof(coalesce(f.value -> 'value', f.value)) = 'string'
                             AND f.words ~ '[[:alpha:]]' AND length(f.words) <= 40) AS words,
               jsonb_agg(jsonb_build_object('@type', 'PropertyValue', 'propertyID', f.code, 'name', f.label, 'value', coalesce(f.value -> 'value', f.value),
                                            'unitText', f.value -> 'unit') ORDER BY f.place, f.field_path) FILTER (WHERE f.code IS NOT NULL) AS properties
          FROM field AS f GROUP BY f.product_id
    )
    SELECT m.id, l.locale, m.canonical_title, p.description, m.brand,
           concat_ws(' ', m.brand, nullif(m.manufacturer, m.brand), m.mpn, nullif(regexp_replace(m.mpn, '[^[:alnum:]]', '', 'g'), m.mpn), m.gtin,
                     nullif(ltrim(m.gtin, '0'), m.gtin), p.model, m.internal_sku),
           (SELECT array_agg(k.word ORDER BY k.place) FROM (
                SELECT w.word, min(w.place) AS place
                  FROM unnest(array_remove(ARRAY[lower(m.brand), lower(t.name), lower(t.breadcrumbs[t.level]), lower(p.model)] || p.words, NULL))
                       WITH ORDINALITY AS w (word, place)
                 WHERE w.word <> '' GROUP BY w.word ORDER BY 2 LIMIT 30) AS k),
           concat_ws(' ', array_to_string(t.breadcrumbs, ' '), p.specs),
           jsonb_strip_nulls(jsonb_build_object(
               '@context', 'https://schema.org', '@type', 'Product', 'name', m.canonical_title, 'sku', m.internal_sku, 'gtin14', m.gtin, 'mpn', m.mpn,
               'model', p.model, 'description', pim._summary(pim._plain_text(p.description), 5000), 'image', p.image,
               'brand', CASE WHEN m.brand <> '' THEN jsonb_build_object('@type', 'Brand', 'name', m.brand) END,
               'manufacturer', CASE WHEN m.manufacturer <> '' THEN jsonb_build_object('@type', 'Organization', 'name', m.manufacturer) END,
               'category', nullif(array_to_string(t.breadcrumbs, ' > '), ''), 'additionalProperty', p.properties))
      FROM neanelu.prod_master AS m
      LEFT JOIN product AS p ON p.product_id = m.id
      LEFT JOIN neanelu.prod_taxonomy AS t ON t.id = m.taxonomy_id
      LEFT JOIN pim._main_locales(p_product_ids) AS l ON l.product_id = m.id
     WHERE m.id = ANY (p_product_ids) AND m.dedupe_status <> 'duplicate'
$$;
COMMENT ON FUNCTION pim._pages(uuid[]) IS
    'What prod_semantics is made of: texts, numbers that identify, keywords and schema.org of products that were not merged into others. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim.refresh_semantics(p_product_ids uuid[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_written integer;
BEGIN
    WITH page AS MATERIALIZED (
        SELECT p.*, pim._plain_text(p.description) AS plain, pim.search_config(p.locale) AS config FROM pim._pages(p_product_ids) AS p
    )
    INSERT INTO neanelu.prod_semantics AS s (product_id, title_master, description_master, description_short, keywords, json_ld_schema, search_vector, locale, updated_at)
    SELECT p.product_id, p.title, nullif(p.description, ''), pim._summary(p.plain), p.keywords, p.json_ld,
           setweight(to_tsvector(p.config, left(p.title, 2000)), 'A') || setweight(to_tsvector('neanelu.pim_simple', left(p.title, 2000)), 'A')
           || setweight(to_tsvector('neanelu.pim_simple', left(p.numbers, 2000)), 'B')
           || setweight(to_tsvector(p.config, left(concat_ws(' ', p.specs, array_to_string(p.keywords, ' ')), 20000)), 'C')
           || setweight(to_tsvector(p.config, left(coalesce(p.plain, ''), 20000)), 'D'),
           p.locale, now()
      FROM page AS p
     ORDER BY p.product_id
    ON CONFLICT (product_id) DO UPDATE
       SET title_master = excluded.title_master, description_master = excluded.description_master, description_short = excluded.description_short,
           keywords = excluded.keywords, json_ld_schema = excluded.json_ld_schema, search_vector = excluded.search_vector,
           locale = excluded.locale, updated_at = excluded.updated_at
     WHERE (s.title_master, s.description_master, s.description_short, s.keywords, s.json_ld_schema, s.search_vector, s.locale) IS DISTINCT FROM
           (excluded.title_master, excluded.description_master, excluded.description_short, excluded.keywords, excluded.json_ld_schema,
            excluded.search_vector, excluded.locale);
    GET DIAGNOSTICS v_written = ROW_COUNT;
    -- What was merged into another record is found by that one.
    DELETE FROM neanelu.prod_semantics AS s USING neanelu.prod_master AS m
     WHERE m.id = s.product_id AND m.id = ANY (p_product_ids) AND m.dedupe_status = 'duplicate';
    RETURN v_written;
END
$$;
COMMENT ON FUNCTION pim.refresh_semantics(uuid[]) IS
    'Writes prod_semantics of products anew where it changed: search vector (A title, B brand and numbers, C category, keywords and attributes, D description), '
    'keywords, summary, schema.org. Title and numbers are also there unstemmed, so that other languages find them. Rows of products merged into others go. Returns how '
    'many rows were written. Idempotent. Locks: the rows, in the order of their ids. Raises: nothing of its own';

GRANT EXECUTE ON FUNCTION pim.search_config(text) TO neanelu_owner, neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.refresh_semantics(uuid[]) TO neanelu_worker, neanelu_operator, neanelu_pim_editor;

COMMIT;

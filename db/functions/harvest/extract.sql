-- Deploy neanelu:functions/harvest/extract to pg
-- requires: functions/harvest/documents
-- Structured data of documents become extraction sessions: schema.org shapes and feed records, as sets, without a model.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, app, extensions, pg_temp;

-- One value ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION harvest._fold(p_name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(lower(p_name), '^[a-z]+:|[^[:alnum:]]+', '', 'g');
COMMENT ON FUNCTION harvest._fold(text) IS
    'A name as harvest_fields has it: lower case, without a prefix (g:, schema:) and signs. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._unit(p_value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(p_value ->> 'unitText', p_value ->> 'unit',
    -- UN/CEFACT common codes, which schema.org has in unitCode
    '{"MMT": "mm", "CMT": "cm", "DMT": "dm", "MTR": "m", "INH": "in", "FOT": "ft", "MGM": "mg", "GRM": "g", "KGM": "kg", "TNE": "t", "LBR": "lb",
      "ONZ": "oz", "MLT": "ml", "CLT": "cl", "LTR": "l", "WTT": "W", "KWT": "kW", "KWH": "kWh", "VLT": "V", "AMP": "A", "HTZ": "Hz", "KHZ": "kHz",
      "MHZ": "MHz", "A86": "GHz", "CEL": "°C", "DD": "°", "SEC": "s", "MIN": "min", "HUR": "h", "DAY": "d", "MON": "mo", "ANN": "a",
      "CMK": "cm²", "MTK": "m²", "CMQ": "cm³", "MTQ": "m³", "KMH": "km/h", "BAR": "bar", "JOU": "J", "P1": "%"}'::jsonb ->> (p_value ->> 'unitCode'),
    p_value ->> 'unitCode');
COMMENT ON FUNCTION harvest._unit(jsonb) IS 'Unit of a schema.org quantity, as a symbol where its code is known. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._scalar(p_value jsonb)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(p_value)
    WHEN 'string' THEN to_jsonb(nullif(btrim(p_value #>> '{}', E' \t\r\n\u00a0'), ''))
    WHEN 'object' THEN to_jsonb(coalesce(
        nullif(concat_ws(' ', nullif(btrim(coalesce(
            p_value ->> 'value', p_value ->> '@value', p_value ->> '#text', p_value ->> 'VAL', p_value ->> 'val', p_value ->> 'attribute_value',
            (p_value ->> 'minValue') || ' - ' || (p_value ->> 'maxValue'), p_value ->> 'minValue', p_value ->> 'maxValue')), ''),
            CASE WHEN p_value ?| '{value,minValue,maxValue}' THEN harvest._unit(p_value) END), ''),
        p_value ->> 'name', p_value ->> 'title', p_value ->> 'url', p_value ->> 'contentUrl', p_value ->> '@id'))
    WHEN 'number' THEN p_value
    WHEN 'boolean' THEN p_value
END;
COMMENT ON FUNCTION harvest._scalar(jsonb) IS
    'What a value says in one text or number: quantities with their unit, things by their name or address; NULL when it says nothing. Pure. '
    'Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._plain(p_value jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = harvest, pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(p_value) <> 'array' THEN
        RETURN harvest._scalar(p_value);
    ELSIF jsonb_array_length(p_value) < 2 THEN
        RETURN harvest._scalar(p_value -> 0);
    END IF;
    RETURN (SELECT CASE WHEN count(*) > 1 THEN jsonb_agg(u.value ORDER BY u.ord) ELSE (array_agg(u.value))[1] END
              FROM (SELECT s.value, min(s.ord) AS ord
                      FROM (SELECT harvest._scalar(e.value), e.ord
                              FROM jsonb_array_elements(p_value) WITH ORDINALITY AS e (value, ord) OFFSET 0) AS s (value, ord)
                     WHERE s.value IS NOT NULL GROUP BY s.value) AS u);
END
$$;
COMMENT ON FUNCTION harvest._plain(jsonb) IS
    'A value as text or number, or an array of several different ones; NULL when it says nothing. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._first(p_value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_value) = 'array' THEN p_value -> 0 ELSE p_value END;
COMMENT ON FUNCTION harvest._first(jsonb) IS 'The value, or the first one of an array. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._field_value(p_field text, p_value jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = harvest, pg_catalog, pg_temp
AS $$
DECLARE
    v_plain constant jsonb := harvest._plain(p_value);
BEGIN
    IF jsonb_typeof(v_plain) = 'array' THEN
        IF p_field = 'category' THEN
            RETURN to_jsonb((SELECT string_agg(e.value, ' > ' ORDER BY e.ord) FROM jsonb_array_elements_text(v_plain) WITH ORDINALITY AS e (value, ord)));
        END IF;
        RETURN CASE WHEN p_field = 'price' THEN v_plain -> 0 ELSE to_jsonb(v_plain ->> 0) END;
    END IF;
    RETURN CASE WHEN p_field = 'price' OR jsonb_typeof(v_plain) = 'string' THEN v_plain ELSE to_jsonb(v_plain #>> '{}') END;
END
$$;
COMMENT ON FUNCTION harvest._field_value(text, jsonb) IS
    'Value of a field: text (a price may be a number), the first of several, categories as one path. Pure. Takes no locks. Raises: nothing';

-- One document -------------------------------------------------------------------------------------------------------

CREATE FUNCTION harvest._product(p_json jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(p_json -> 'product') = 'object' THEN p_json -> 'product'
    WHEN jsonb_typeof(p_json) = 'array' OR p_json ?| '{@type,@graph}' THEN
        jsonb_path_query_first(p_json,
            '$.** ? (@."@type" like_regex "(^|[/:#])(Product|IndividualProduct|ProductModel|SomeProducts|ProductGroup|Vehicle|Car)$")')
    WHEN jsonb_typeof(p_json) = 'object' THEN p_json
END;
COMMENT ON FUNCTION harvest._product(jsonb) IS
    'The product in a document: what the harvester read in a page, the first schema.org Product anywhere in it, or a feed''s record itself; NULL when there '
    'is none. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._offer(p_offers jsonb)
RETURNS TABLE (name text, value jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.key, e.value
      FROM (SELECT harvest._first(p_offers) AS offer) AS o
     CROSS JOIN LATERAL (SELECT harvest._first(o.offer -> 'offers') AS inner_offer, harvest._first(o.offer -> 'priceSpecification') AS price) AS i
     CROSS JOIN LATERAL jsonb_each(jsonb_build_object(
        'price', coalesce(o.offer -> 'price', i.price -> 'price', o.offer -> 'lowPrice', i.inner_offer -> 'price'),
        'currency', coalesce(o.offer -> 'priceCurrency', i.price -> 'priceCurrency', i.inner_offer -> 'priceCurrency'),
        'gtin', coalesce(o.offer -> 'gtin14', o.offer -> 'gtin13', o.offer -> 'gtin12', o.offer -> 'gtin', o.offer -> 'gtin8'),
        'mpn', o.offer -> 'mpn')) AS e (key, value)
     WHERE jsonb_typeof(e.value) <> 'null';
END;
COMMENT ON FUNCTION harvest._offer(jsonb) IS
    'What the first of a product''s offers says: price, currency, identifiers. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._members(p_name text, p_value jsonb, p_is_container boolean)
RETURNS TABLE (name text, value jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3
SET search_path = harvest, pg_catalog, pg_temp
AS $$
DECLARE
    v_type constant text := jsonb_typeof(p_value);
    v_list constant jsonb := CASE v_type WHEN 'array' THEN p_value ELSE jsonb_build_array(p_value) END;
BEGIN
    IF jsonb_typeof(v_list -> 0) = 'object' AND v_list -> 0 ?| '{name,@name,PARAM_NAME,param_name,attribute_name,propertyID,key,label}'
       AND v_list -> 0 ?| '{value,@value,#text,VAL,val,attribute_value,minValue,maxValue}' THEN
        -- Pairs of name and value, one or many
        RETURN QUERY
            SELECT coalesce(e.pair ->> 'name', e.pair ->> '@name', e.pair ->> 'PARAM_NAME', e.pair ->> 'param_name', e.pair ->> 'attribute_name',
                            e.pair ->> 'propertyID', e.pair ->> 'key', e.pair ->> 'label'),
                   CASE WHEN jsonb_typeof(e.pair -> 'value') IN ('array', 'object') THEN harvest._plain(e.pair -> 'value')
                        WHEN e.pair ?| '{value,@value,#text,VAL,val,attribute_value,minValue,maxValue}' THEN harvest._scalar(e.pair) END
              FROM jsonb_array_elements(v_list) AS e (pair) WHERE jsonb_typeof(e.pair) = 'object';
    ELSIF v_type = 'object' AND (p_is_container OR harvest._scalar(p_value) IS NULL) THEN
        -- An object of attributes, or a group of them
        RETURN QUERY SELECT CASE WHEN p_is_container THEN m.key ELSE concat(p_name, ' ', m.key) END, harvest._plain(m.value)
              FROM jsonb_each(p_value) AS m WHERE left(m.key, 1) <> '@';
    ELSIF p_is_container AND v_type = 'array' AND jsonb_typeof(v_list -> 0) = 'object' THEN
        RETURN QUERY SELECT m.key, harvest._plain(m.value)
              FROM jsonb_array_elements(v_list) AS e (pair) CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(e.pair) = 'object' THEN e.pair ELSE '{}' END) AS m
             WHERE left(m.key, 1) <> '@';
    ELSE
        RETURN QUERY SELECT p_name, harvest._plain(p_value);
    END IF;
END
$$;
COMMENT ON FUNCTION harvest._members(text, jsonb, boolean) IS
    'Attributes in a value that is no field: itself, or the pairs of name and value in it, or the members of an object. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._split_price(p_specs jsonb)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_specs -> 'price') = 'string' AND p_specs ->> 'price' ~ '^[A-Z]{3}\s*[0-9]|[0-9]\s*[A-Z]{3}$'
            THEN p_specs || jsonb_build_object('price', btrim(regexp_replace(p_specs ->> 'price', '^[A-Z]{3}|[A-Z]{3}$', '')),
                                               'currency', coalesce(p_specs ->> 'currency', substring(p_specs ->> 'price' FROM '[A-Z]{3}')))
            ELSE p_specs END;
COMMENT ON FUNCTION harvest._split_price(jsonb) IS 'Takes the currency out of a price like 19.99 USD. Pure. Takes no locks. Raises: nothing';

-- Many documents -----------------------------------------------------------------------------------------------------

CREATE FUNCTION harvest._mapping(p_config jsonb)
RETURNS TABLE (name text, field text, rank integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT DISTINCT ON (1) harvest._fold(n.name), m.key, n.ord::integer
      FROM jsonb_each(CASE WHEN jsonb_typeof(p_config -> 'mapping') = 'object' THEN p_config -> 'mapping' ELSE '{}' END) AS m
     CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN jsonb_typeof(m.value) = 'array' THEN m.value ELSE jsonb_build_array(m.value) END)
        WITH ORDINALITY AS n (name, ord)
     WHERE n.name IS NOT NULL
     ORDER BY 1, m.key;
END;
COMMENT ON FUNCTION harvest._mapping(jsonb) IS
    'What a source''s config says of its names: {"mapping": {field: name or names, "-": names to leave out}}. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._read_pairs(p_ids uuid[], p_times timestamptz[])
RETURNS TABLE (id uuid, origin text, value jsonb, field text, rank integer, confidence numeric)
LANGUAGE sql STABLE ROWS 20000
SET search_path = neanelu, harvest, pg_temp
AS $$
    WITH docs AS MATERIALIZED (
        SELECT h.id, h.source_id, harvest._product(h.raw_json) AS product, h.raw_json -> 'evidence' AS evidence,
               CASE WHEN jsonb_typeof(h.raw_json -> 'evidence') = 'string' THEN h.raw_json ->> 'evidence' WHEN s.source_type = 'SHOPIFY' THEN 'shop'
                    WHEN h.raw_json ?| '{@type,@graph,product}' THEN 'json-ld' ELSE 'feed' END AS kind
          FROM unnest(p_ids, p_times) AS d (id, fetched_at)
          JOIN neanelu.prod_raw_harvest AS h ON h.id = d.id AND h.fetched_at = d.fetched_at
          JOIN neanelu.prod_sources AS s ON s.id = h.source_id
    ), names AS MATERIALIZED (
        SELECT s.id AS source_id, m.name, m.field, m.rank
          FROM neanelu.prod_sources AS s CROSS JOIN LATERAL harvest._mapping(s.config) AS m
         WHERE s.id IN (SELECT d.source_id FROM docs AS d)
    )
    SELECT d.id, e.key, e.value, coalesce(n.field, f.field), coalesce(n.rank - 100, f.rank), coalesce(v.confidence, 0.5)
      FROM docs AS d
     CROSS JOIN LATERAL jsonb_each(d.product) AS e (key, value)
      LEFT JOIN names AS n ON n.source_id = d.source_id AND n.name = harvest._fold(e.key)
      LEFT JOIN neanelu.harvest_fields AS f ON f.name = harvest._fold(e.key)
      LEFT JOIN neanelu.harvest_evidence AS v ON v.kind = coalesce(CASE WHEN jsonb_typeof(d.evidence) = 'object' THEN d.evidence ->> e.key END, d.kind)
     WHERE left(e.key, 1) <> '@' AND jsonb_typeof(e.value) <> 'null'
$$;
COMMENT ON FUNCTION harvest._read_pairs(uuid[], timestamptz[]) IS
    'Names and values of documents'' products, with the field that each name means (the source''s config before harvest_fields) and how far it is believed. '
    'Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._read_documents(p_ids uuid[], p_times timestamptz[])
RETURNS TABLE (id uuid, specs jsonb, confidences jsonb)
LANGUAGE sql STABLE ROWS 1000
SET search_path = neanelu, harvest, pg_temp
AS $$
    WITH pairs AS MATERIALIZED (
        SELECT * FROM harvest._read_pairs(p_ids, p_times)
    ), claims AS MATERIALIZED (
        SELECT p.id, p.field, p.rank, harvest._field_value(p.field, p.value) AS value, p.confidence
          FROM pairs AS p WHERE p.field NOT IN ('-', 'attributes', 'offers')
        UNION ALL
        SELECT p.id, o.name, 100, harvest._field_value(o.name, o.value), p.confidence
          FROM pairs AS p CROSS JOIN LATERAL harvest._offer(p.value) AS o WHERE p.field = 'offers'
    ), fields AS (
        SELECT c.id, jsonb_object_agg(c.field, c.value) AS specs, jsonb_object_agg(c.field, c.confidence) AS confidences
          FROM (SELECT DISTINCT ON (l.id, l.field) l.* FROM claims AS l WHERE l.value IS NOT NULL ORDER BY l.id, l.field, l.rank) AS c
         GROUP BY c.id
    ), members AS MATERIALIZED (
        SELECT p.id, btrim(m.name) AS name, m.value, p.confidence
          FROM pairs AS p CROSS JOIN LATERAL harvest._members(p.origin, p.value, p.field = 'attributes') AS m
         WHERE (p.field IS NULL OR p.field = 'attributes') AND m.value IS NOT NULL AND btrim(m.name) <> ''
    ), attributes AS (
        SELECT a.id, jsonb_object_agg(a.name, a.value) AS specs, jsonb_object_agg(a.name, a.confidence) AS confidences
          FROM (SELECT m.id, m.name, max(m.confidence) AS confidence,
                       CASE WHEN count(*) = 1 THEN (array_agg(m.value))[1] ELSE harvest._plain(jsonb_agg(m.value)) END AS value
                  FROM members AS m WHERE jsonb_typeof(m.value) <> 'array' GROUP BY m.id, m.name
                UNION ALL
                SELECT m.id, m.name, m.confidence, m.value FROM members AS m WHERE jsonb_typeof(m.value) = 'array') AS a
         GROUP BY a.id
    )
    SELECT f.id, harvest._split_price(f.specs) || CASE WHEN a.specs IS NULL THEN '{}' ELSE jsonb_build_object('attributes', a.specs) END,
           coalesce(a.confidences, '{}') || f.confidences
      FROM fields AS f LEFT JOIN attributes AS a ON a.id = f.id
     WHERE f.specs ? 'title' OR f.specs ? 'gtin' OR f.specs ?& '{brand,mpn}'
$$;
COMMENT ON FUNCTION harvest._read_documents(uuid[], timestamptz[]) IS
    'extracted_specs and field_confidences of those documents that say which product they are about: a title, a GTIN, or brand and part number. '
    'Takes no locks. Raises: nothing';

CREATE FUNCTION harvest._extract(p_ids uuid[], p_times timestamptz[])
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_sessions uuid[];
    v_done     uuid[];
BEGIN
    WITH made AS (
        INSERT INTO neanelu.prod_extraction_sessions (harvest_id, harvest_fetched_at, agent_version, extracted_specs, confidence_score, field_confidences)
        SELECT d.id, d.fetched_at, 'structured/1',
               jsonb_strip_nulls(jsonb_build_object('locale', s.config ->> 'locale', 'currency', s.config ->> 'currency')) || r.specs,
               (SELECT round(avg(c.value::numeric), 2) FROM jsonb_each_text(r.confidences) AS c), r.confidences
          FROM unnest(p_ids, p_times) WITH ORDINALITY AS d (id, fetched_at, ord)
          JOIN harvest._read_documents(p_ids, p_times) AS r ON r.id = d.id
          JOIN neanelu.prod_raw_harvest AS h ON h.id = d.id AND h.fetched_at = d.fetched_at
          JOIN neanelu.prod_sources AS s ON s.id = h.source_id
         ORDER BY d.ord
        RETURNING id, harvest_id)
    SELECT array_agg(m.id ORDER BY m.id), array_agg(m.harvest_id) INTO v_sessions, v_done FROM made AS m;
    UPDATE neanelu.prod_raw_harvest AS h SET processing_status = 'processed', processed_at = now()
      FROM unnest(p_ids, p_times) AS d (id, fetched_at)
     WHERE h.id = d.id AND h.fetched_at = d.fetched_at AND h.id = ANY (v_done);
    RETURN coalesce(v_sessions, '{}');
END
$$;
COMMENT ON FUNCTION harvest._extract(uuid[], timestamptz[]) IS
    'Makes sessions of those of the documents that have product data, and marks these processed. Locks: their rows. Raises: what a document that cannot '
    'be read raises';

CREATE FUNCTION harvest._extract_some(p_ids uuid[], p_times timestamptz[])
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_half constant integer := cardinality(p_ids) / 2;
BEGIN
    RETURN harvest._extract(p_ids, p_times);
EXCEPTION WHEN data_exception OR program_limit_exceeded OR check_violation OR not_null_violation THEN
    IF v_half = 0 THEN
        UPDATE neanelu.prod_raw_harvest AS h
           SET processing_status = 'failed', processing_error = SQLSTATE || ': ' || left(SQLERRM, 500), processed_at = now()
         WHERE h.id = p_ids[1] AND h.fetched_at = p_times[1];
        RETURN ARRAY[]::uuid[];
    END IF;
    RETURN harvest._extract_some(p_ids[:v_half], p_times[:v_half]) || harvest._extract_some(p_ids[v_half + 1:], p_times[v_half + 1:]);
END
$$;
COMMENT ON FUNCTION harvest._extract_some(uuid[], timestamptz[]) IS
    'harvest._extract; when one document makes it fail, that one is found by halving and marked failed, the others go on. Locks: as that. Raises: '
    'what is not a document''s fault';

CREATE FUNCTION harvest._hand_to_model(p_ids uuid[], p_times timestamptz[])
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_known constant boolean := to_regprocedure('ai.request_extraction(uuid[], timestamptz[])') IS NOT NULL;
    v_pages uuid[];
    v_times timestamptz[];
BEGIN
    SELECT array_agg(h.id ORDER BY h.id), array_agg(h.fetched_at ORDER BY h.id) INTO v_pages, v_times
      FROM unnest(p_ids, p_times) AS d (id, fetched_at)
      JOIN neanelu.prod_raw_harvest AS h ON h.id = d.id AND h.fetched_at = d.fetched_at
     WHERE h.processing_status = 'pending' AND btrim(h.raw_html) <> '';
    IF v_known AND v_pages IS NOT NULL THEN
        EXECUTE format('SELECT %I.%I($1, $2)', 'ai', 'request_extraction') USING v_pages, v_times;
    END IF;
    UPDATE neanelu.prod_raw_harvest AS h
       SET processing_status = CASE WHEN v_known AND btrim(h.raw_html) <> '' THEN 'processed' ELSE 'skipped' END, processed_at = now()
      FROM unnest(p_ids, p_times) AS d (id, fetched_at)
     WHERE h.id = d.id AND h.fetched_at = d.fetched_at AND h.processing_status = 'pending';
    RETURN CASE WHEN v_known THEN coalesce(cardinality(v_pages), 0) ELSE 0 END;
END
$$;
COMMENT ON FUNCTION harvest._hand_to_model(uuid[], timestamptz[]) IS
    'Gives those of the documents that are still pending to ai.request_extraction when they have HTML with something in it, and marks the others skipped. Returns how many it '
    'gave. Locks: their rows. Raises: as ai.request_extraction';

CREATE FUNCTION harvest.extract_structured(p_limit integer DEFAULT 1000)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_ids      uuid[];
    v_times    timestamptz[];
    v_sessions uuid[];
BEGIN
    SELECT array_agg(d.id ORDER BY d.id), array_agg(d.fetched_at ORDER BY d.id) INTO v_ids, v_times
      FROM (SELECT h.id, h.fetched_at FROM neanelu.prod_raw_harvest AS h
             WHERE h.processing_status = 'pending' LIMIT p_limit FOR UPDATE SKIP LOCKED) AS d;
    IF v_ids IS NULL THEN
        RETURN ARRAY[]::uuid[];
    END IF;
    v_sessions := harvest._extract_some(v_ids, v_times);
    IF cardinality(v_sessions) < cardinality(v_ids) THEN
        PERFORM harvest._hand_to_model(v_ids, v_times);
    END IF;
    RETURN v_sessions;
END
$$;
COMMENT ON FUNCTION harvest.extract_structured(integer) IS
    'Reads up to p_limit pending documents: schema.org products, what the harvester found in a page, and feed records become extraction sessions '
    '(structured/1), whose ids are returned in the documents'' order; pages without product data go to a model (ai.request_extraction, where it is deployed), else '
    'they are skipped; what cannot be read is marked failed. Idempotent: a document is read once; callers side by side take different ones. '
    'Locks: the documents'' rows (SKIP LOCKED). Raises: as ai.request_extraction';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION harvest.extract_structured(integer) TO neanelu_worker, neanelu_pim_editor, neanelu_operator, neanelu_harvester;

COMMIT;

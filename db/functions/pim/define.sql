-- Deploy neanelu:functions/pim/define to pg
-- requires: functions/pim/taxonomy
-- Attributes as people define them, with kind, unit and labels, and which of them products of a category should have.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, pim, extensions, pg_temp;

CREATE FUNCTION pim.define_attributes(p_attributes jsonb) RETURNS TABLE (inserted integer, updated integer, unchanged integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(p_attributes) IS DISTINCT FROM 'array' OR EXISTS (
        SELECT FROM jsonb_array_elements(p_attributes) AS a (v) WHERE jsonb_typeof(a.v) <> 'object' OR NOT a.v ?& '{code,label,data_type}') THEN
        RAISE EXCEPTION 'attributes are a list of {"code", "label", "data_type"}' USING ERRCODE = 'NX005';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('pim.import_taxonomy'));
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (d.code) d.* FROM jsonb_to_recordset(p_attributes) AS d (
            code text, label text, description text, data_type text, unit text, unit_family text, allowed_values jsonb, validation_regex text)
         ORDER BY d.code
    ), changed AS (
        UPDATE prod_attr_definitions AS d
           SET label = w.label, description = w.description, data_type = w.data_type, unit = w.unit, unit_family = w.unit_family,
               allowed_values = w.allowed_values, validation_regex = w.validation_regex, updated_at = now()
          FROM wanted AS w
         WHERE d.code = w.code AND (d.label, d.description, d.data_type, d.unit, d.unit_family, d.allowed_values, d.validation_regex)
               IS DISTINCT FROM (w.label, w.description, w.data_type, w.unit, w.unit_family, w.allowed_values, w.validation_regex)
        RETURNING 1
    ), made AS (
        INSERT INTO prod_attr_definitions (code, label, description, data_type, unit, unit_family, allowed_values, validation_regex)
        SELECT w.code, w.label, w.description, w.data_type, w.unit, w.unit_family, w.allowed_values, w.validation_regex
          FROM wanted AS w WHERE NOT EXISTS (SELECT FROM prod_attr_definitions AS d WHERE d.code = w.code) ORDER BY w.code
        RETURNING 1
    )
    SELECT m.n, c.n, (SELECT count(*) FROM wanted)::integer - m.n - c.n
      FROM (SELECT count(*)::integer AS n FROM made) AS m, (SELECT count(*)::integer AS n FROM changed) AS c;
END
$$;
COMMENT ON FUNCTION pim.define_attributes(jsonb) IS
    'Makes or changes attributes as given, whole: [{"code", "label", "description", "data_type", "unit", "unit_family", "allowed_values", '
    '"validation_regex"}]; see the columns of prod_attr_definitions. Values that are decided already stay until their records are decided again. Idempotent. '
    'One at a time (advisory lock). Raises: NX005 no such list, 23514 a code, kind or unit that is none';

CREATE FUNCTION pim.expect_attributes(p_category text, p_attributes jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_id      constant uuid := pim.category_id(p_category);
    v_unknown text;
BEGIN
    IF v_id IS NULL THEN
        RAISE EXCEPTION 'there is no category "%"', p_category USING ERRCODE = 'NX006', HINT = 'neanelu taxonomy find';
    END IF;
    SELECT min(k) INTO v_unknown FROM jsonb_object_keys(p_attributes) AS k
     WHERE NOT EXISTS (SELECT FROM prod_attr_definitions AS d WHERE d.code = k);
    IF v_unknown IS NOT NULL THEN
        RAISE EXCEPTION 'there is no attribute "%"', v_unknown USING ERRCODE = 'NX007', HINT = 'neanelu attributes list';
    END IF;
    UPDATE prod_taxonomy AS t SET attribute_schema = t.attribute_schema || p_attributes, updated_at = now()
     WHERE t.id = v_id AND t.attribute_schema <> t.attribute_schema || p_attributes;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pim.expect_attributes(text, jsonb) IS
    'Says what products of a category (Shopify''s id, slug or path) and below it should have: {attribute code: {"required", "weight", "channels", "locales"} or '
    'null to take it away}; attributes that are not named stay. Returns whether that was news. Idempotent. Locks: the category''s row. '
    'Raises: NX006 no such category, NX007 no such attribute, 22023 no object';

REVOKE EXECUTE ON FUNCTION pim.define_attributes(jsonb), pim.expect_attributes(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pim.define_attributes(jsonb), pim.expect_attributes(text, jsonb) TO neanelu_pim_editor, neanelu_operator;

COMMIT;

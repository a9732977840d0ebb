-- Deploy neanelu:functions/pim/rules to pg
-- requires: functions/pim/define
-- requires: functions/pim/review
-- requires: functions/pim/quality
-- Rules as people set and remove them: which value survives, what a level asks for, which attributes there are.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, pim, extensions, pg_temp;

CREATE FUNCTION pim._assert_settings(p_settings jsonb, p_known text[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_unknown text;
BEGIN
    IF jsonb_typeof(p_settings) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'settings are an object, {"name": value}' USING ERRCODE = 'NQ013';
    END IF;
    SELECT min(k) INTO v_unknown FROM jsonb_object_keys(p_settings) AS k WHERE k <> ALL (p_known);
    IF v_unknown IS NOT NULL THEN
        RAISE EXCEPTION 'a rule has no setting "%"', v_unknown USING ERRCODE = 'NQ013', HINT = format('Its settings are %s.', array_to_string(p_known, ', '));
    END IF;
END
$$;
COMMENT ON FUNCTION pim._assert_settings(jsonb, text[]) IS 'Refuses settings of other names than those known. Pure. Takes no locks. Raises: NQ013';

-- Which value survives -----------------------------------------------------------------------------------------------

CREATE FUNCTION pim.put_rule(p_field_pattern text, p_taxonomy_id uuid, p_settings jsonb, p_reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    PERFORM pim._assert_settings(p_settings, '{rule,value_kind,tolerance,half_life_days,auto_approve,min_margin,min_confidence,keep_share,omission_weight,importance,'
                                             'teaches_trust,review_days,is_active}');
    IF p_field_pattern = '*' AND p_taxonomy_id IS NULL AND p_settings ->> 'is_active' = 'false' THEN
        RAISE EXCEPTION 'the rule for everything stays: some rule must count' USING ERRCODE = 'NC011';
    END IF;
    -- A reason that is not given stays.
    v_id := pim.set_rule(p_field_pattern, p_taxonomy_id, p_settings, coalesce(p_reason, (
        SELECT r.reason FROM prod_survivorship_rules AS r WHERE r.field_pattern = p_field_pattern AND r.taxonomy_id IS NOT DISTINCT FROM p_taxonomy_id)));
    RETURN (SELECT to_jsonb(r) FROM prod_survivorship_rules AS r WHERE r.id = v_id);
END
$$;
COMMENT ON FUNCTION pim.put_rule(text, uuid, jsonb, text) IS
    'pim.set_rule for people: refuses settings that there are not, keeps the reason where none is given, and returns the rule. Idempotent. Locks: the rule. '
    'Raises: NQ013 no such setting, NC011 the last rule, and as pim.set_rule';

CREATE FUNCTION pim.remove_rule(p_field_pattern text, p_taxonomy_id uuid DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_rule jsonb;
BEGIN
    IF p_field_pattern = '*' AND p_taxonomy_id IS NULL THEN
        RAISE EXCEPTION 'the rule for everything stays: some rule must count' USING ERRCODE = 'NC011';
    END IF;
    DELETE FROM prod_survivorship_rules AS r WHERE r.field_pattern = p_field_pattern AND r.taxonomy_id IS NOT DISTINCT FROM p_taxonomy_id
    RETURNING to_jsonb(r) INTO v_rule;
    IF v_rule IS NULL THEN
        RAISE EXCEPTION 'there is no rule for "%"', p_field_pattern USING ERRCODE = 'NC010', HINT = 'neanelu pim rules list';
    END IF;
    RETURN v_rule;
END
$$;
COMMENT ON FUNCTION pim.remove_rule(text, uuid) IS
    'Removes a survivorship rule and returns it; the next more general one counts then. Golden records follow when they are decided next. '
    'Locks: the rule. Raises: NC010 no such rule, NC011 the last one';

-- What a level asks for ----------------------------------------------------------------------------------------------

CREATE FUNCTION pim.put_level(p_level text, p_taxonomy_id uuid, p_channel text, p_settings jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_old prod_quality_rules;
    v_new prod_quality_rules;
BEGIN
    PERFORM pim._assert_settings(p_settings, '{min_score,min_completeness,min_accuracy,min_consistency,min_sources,required_fields,no_open_conflicts,hysteresis,is_active}');
    PERFORM pg_advisory_xact_lock(hashtextextended('pim.put_level', 0));
    SELECT r.* INTO v_old FROM prod_quality_rules AS r
     WHERE r.level = p_level AND r.taxonomy_id IS NOT DISTINCT FROM p_taxonomy_id AND r.channel IS NOT DISTINCT FROM p_channel;
    IF NOT FOUND THEN
        -- Of a rule that calls for review the fields are the whole of it.
        INSERT INTO prod_quality_rules (level, taxonomy_id, channel, required_fields)
        VALUES (p_level, p_taxonomy_id, p_channel, ARRAY(SELECT jsonb_array_elements_text(coalesce(p_settings -> 'required_fields', '[]'))))
        RETURNING * INTO v_old;
    END IF;
    v_new := jsonb_populate_record(v_old, p_settings);
    UPDATE prod_quality_rules AS r
       SET min_score = v_new.min_score, min_completeness = v_new.min_completeness, min_accuracy = v_new.min_accuracy, min_consistency = v_new.min_consistency,
           min_sources = v_new.min_sources, required_fields = v_new.required_fields, no_open_conflicts = v_new.no_open_conflicts, hysteresis = v_new.hysteresis,
           is_active = v_new.is_active, updated_at = now()
     WHERE r.id = v_old.id AND (v_new IS DISTINCT FROM v_old OR r.updated_at = r.created_at);
    RETURN (SELECT to_jsonb(r) FROM prod_quality_rules AS r WHERE r.id = v_old.id);
END
$$;
COMMENT ON FUNCTION pim.put_level(text, uuid, text, jsonb) IS
    'Makes or changes what a level asks for, of a category and below (null: all), or what a channel takes: {"min_score": 0.9, ..}, columns of prod_quality_rules; what is '
    'not named stays. Returns the rule. pim.rescore follows. Idempotent. Locks: an advisory one, the rule. Raises: NQ013 no such setting, 23514, 22P02 a value that is none';

CREATE FUNCTION pim.remove_level(p_level text, p_taxonomy_id uuid, p_channel text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_rule jsonb;
BEGIN
    DELETE FROM prod_quality_rules AS r
     WHERE r.level = p_level AND r.taxonomy_id IS NOT DISTINCT FROM p_taxonomy_id AND r.channel IS NOT DISTINCT FROM p_channel
    RETURNING to_jsonb(r) INTO v_rule;
    IF v_rule IS NULL THEN
        RAISE EXCEPTION 'there is no such rule for %', p_level USING ERRCODE = 'NQ014', HINT = 'neanelu pim levels list';
    END IF;
    -- Products are looked at again when a rule changed: here those that take its place.
    UPDATE prod_quality_rules AS r SET updated_at = now() WHERE r.level = p_level;
    RETURN v_rule;
END
$$;
COMMENT ON FUNCTION pim.remove_level(text, uuid, text) IS
    'Removes what a level asks for and returns it; the rule of the next category above counts then, and without any nobody has the level. pim.rescore follows. '
    'Locks: the rules of the level. Raises: NQ014 no such rule';

-- Which attributes there are -----------------------------------------------------------------------------------------

CREATE FUNCTION pim.forget_expectations(p_category text, p_codes text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_id constant uuid := pim.category_id(p_category);
BEGIN
    IF v_id IS NULL THEN
        RAISE EXCEPTION 'there is no category "%"', p_category USING ERRCODE = 'NX006', HINT = 'neanelu taxonomy find';
    END IF;
    UPDATE prod_taxonomy AS t SET attribute_schema = t.attribute_schema - p_codes, updated_at = now() WHERE t.id = v_id AND t.attribute_schema ?| p_codes;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pim.forget_expectations(text, text[]) IS
    'A category says nothing of its own about attributes any more: what is inherited counts. Returns whether that was news. Idempotent. Locks: the category''s row. '
    'Raises: NX006 no such category';

CREATE FUNCTION pim.remove_attribute(p_code text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_definition prod_attr_definitions;
    v_categories bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pim.import_taxonomy'));
    SELECT d.* INTO v_definition FROM prod_attr_definitions AS d WHERE d.code = p_code FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no attribute "%"', p_code USING ERRCODE = 'NX007', HINT = 'neanelu attributes list';
    END IF;
    v_categories := (SELECT count(*) FROM prod_taxonomy AS t WHERE t.attribute_schema ? p_code);
    IF v_categories > 0 OR EXISTS (SELECT FROM prod_proposals AS p WHERE p.field_path = 'specs.' || p_code)
       OR EXISTS (SELECT FROM prod_field_decisions AS f WHERE f.field_path = 'specs.' || p_code) THEN
        RAISE EXCEPTION 'attribute "%" is in use', p_code USING ERRCODE = 'NX008',
            DETAIL = format('%s categories expect it; or sources have said something of it', v_categories);
    END IF;
    DELETE FROM prod_attr_definitions AS d WHERE d.id = v_definition.id;
    RETURN to_jsonb(v_definition) - 'embedding';
END
$$;
COMMENT ON FUNCTION pim.remove_attribute(text) IS
    'Removes an attribute of which nobody has said anything and which no category expects, with its synonyms; names of sources that meant it are tried again. '
    'Returns it. One at a time (advisory lock). Raises: NX007 no such attribute, NX008 it is in use';

REVOKE EXECUTE ON FUNCTION pim._assert_settings(jsonb, text[]), pim.put_rule(text, uuid, jsonb, text), pim.remove_rule(text, uuid),
    pim.put_level(text, uuid, text, jsonb), pim.remove_level(text, uuid, text), pim.forget_expectations(text, text[]), pim.remove_attribute(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pim.put_rule(text, uuid, jsonb, text), pim.remove_rule(text, uuid), pim.put_level(text, uuid, text, jsonb),
    pim.remove_level(text, uuid, text), pim.forget_expectations(text, text[]), pim.remove_attribute(text)
    TO neanelu_pim_editor, neanelu_operator;

COMMIT;

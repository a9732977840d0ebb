-- Deploy neanelu:functions/pim/review to pg
-- requires: functions/pim/versions
-- People decide: a proposal, a value of their own, an old version. What they decide sticks until they take it back.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._record_decision(p_product_id uuid, p_field_path text, p_kind text, p_value jsonb, p_proposal_id uuid, p_reviewer uuid, p_notes text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id constant uuid := uuidv7();
    v_replaced uuid[];
BEGIN
    -- A value decided replaces the one before it, and what was said against it; a rejection only what it contradicts.
    UPDATE neanelu.prod_field_decisions AS d SET replaced_at = clock_timestamp()
     WHERE d.product_id = p_product_id AND d.field_path = p_field_path AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL
       AND CASE WHEN p_kind = 'reject' THEN d.kind <> 'reject' AND pim._value_key(d.value) = pim._value_key(p_value)
                ELSE d.kind <> 'reject' OR pim._value_key(d.value) = pim._value_key(p_value) END;
    v_replaced := ARRAY(SELECT d.id FROM neanelu.prod_field_decisions AS d
                         WHERE d.product_id = p_product_id AND d.field_path = p_field_path
                           AND d.replaced_at IS NOT NULL AND d.replaced_by_id IS NULL AND d.withdrawn_at IS NULL);
    INSERT INTO neanelu.prod_field_decisions (id, product_id, field_path, kind, value, proposal_id, reviewed_by, notes)
    VALUES (v_id, p_product_id, p_field_path, p_kind, p_value, p_proposal_id, p_reviewer, p_notes);
    UPDATE neanelu.prod_field_decisions AS d SET replaced_by_id = v_id WHERE d.id = ANY (v_replaced);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim._record_decision(uuid, text, text, jsonb, uuid, uuid, text) IS
    'Records what a person decided about a field and puts it in the place of what was in force. The caller has locked the golden record. '
    'Raises: 23514 a value that cannot be decided so';

CREATE FUNCTION pim._withdraw_decision(p_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_decision neanelu.prod_field_decisions;
BEGIN
    UPDATE neanelu.prod_field_decisions AS d SET withdrawn_at = clock_timestamp() WHERE d.id = p_id RETURNING d.* INTO v_decision;
    -- What it had replaced is in force again, or replaced by what replaced this one.
    UPDATE neanelu.prod_field_decisions AS d
       SET replaced_by_id = v_decision.replaced_by_id, replaced_at = CASE WHEN v_decision.replaced_by_id IS NOT NULL THEN d.replaced_at END
     WHERE d.replaced_by_id = p_id AND d.withdrawn_at IS NULL;
    UPDATE neanelu.prod_proposals AS p
       SET proposal_status = 'pending', auto_approved = false, reviewed_by = NULL, reviewed_at = NULL, review_notes = NULL, updated_at = now()
     WHERE p.id = v_decision.proposal_id;
END
$$;
COMMENT ON FUNCTION pim._withdraw_decision(uuid) IS
    'Takes a decision back; what it had replaced is in force again. The caller has locked the golden record and decides it again. Raises: nothing';

CREATE FUNCTION pim.review_proposal(p_proposal_id uuid, p_decision text, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_proposal neanelu.prod_proposals;
    v_id uuid;
BEGIN
    IF p_decision IS NULL OR p_decision NOT IN ('approve', 'reject') THEN
        RAISE EXCEPTION 'a decision is approve or reject, not %', p_decision USING ERRCODE = 'NC005';
    END IF;
    PERFORM pim._lock_products(ARRAY(SELECT p.product_id FROM neanelu.prod_proposals AS p WHERE p.id = p_proposal_id));
    SELECT p.* INTO v_proposal FROM neanelu.prod_proposals AS p WHERE p.id = p_proposal_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no proposal %', p_proposal_id USING ERRCODE = 'NC001';
    END IF;
    SELECT d.id INTO v_id FROM neanelu.prod_field_decisions AS d
     WHERE d.proposal_id = p_proposal_id AND d.kind = p_decision AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL;
    IF FOUND THEN
        RETURN v_id;
    END IF;
    IF v_proposal.proposal_status = 'superseded' THEN
        RAISE EXCEPTION 'the source of proposal % says something newer', p_proposal_id USING ERRCODE = 'NC003';
    END IF;
    v_id := pim._record_decision(v_proposal.product_id, v_proposal.field_path, p_decision, v_proposal.proposed_value, p_proposal_id, p_reviewer, p_notes);
    UPDATE neanelu.prod_proposals AS p
       SET proposal_status = CASE p_decision WHEN 'approve' THEN 'approved' ELSE 'rejected' END, auto_approved = false, priority = 0,
           reviewed_by = p_reviewer, reviewed_at = now(), review_notes = p_notes, expires_at = NULL, updated_at = now()
     WHERE p.id = p_proposal_id;
    PERFORM pim._decide(ARRAY[v_proposal.product_id], false);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.review_proposal(uuid, text, uuid, text) IS
    'A person approves a proposal (its value is in force from now on, whatever sources say) or rejects it (its value has no vote any more, from '
    'whichever source), and the golden record is decided again. Returns the decision. Idempotent. Locks: the golden record. '
    'Raises: NC001 no such proposal, NC003 superseded, NC005 no such decision';

CREATE FUNCTION pim.undo_review(p_proposal_id uuid)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_product_id uuid := (SELECT p.product_id FROM neanelu.prod_proposals AS p WHERE p.id = p_proposal_id);
    v_id uuid;
BEGIN
    IF v_product_id IS NULL THEN
        RAISE EXCEPTION 'there is no proposal %', p_proposal_id USING ERRCODE = 'NC001';
    END IF;
    PERFORM pim._lock_products(ARRAY[v_product_id]);
    SELECT d.id INTO v_id FROM neanelu.prod_field_decisions AS d
     WHERE d.proposal_id = p_proposal_id AND d.withdrawn_at IS NULL ORDER BY d.decided_at DESC, d.id DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody reviewed proposal %', p_proposal_id USING ERRCODE = 'NC004';
    END IF;
    PERFORM pim._withdraw_decision(v_id);
    PERFORM pim._decide(ARRAY[v_product_id], false);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.undo_review(uuid) IS
    'Takes the last review of a proposal back: what it had replaced is in force again, and the golden record is decided again. Returns the decision '
    'taken back. Locks: the golden record. Raises: NC001 no such proposal, NC004 nobody reviewed it';

CREATE FUNCTION pim._assert_value(p_field_path text, p_value jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_text constant text := CASE WHEN jsonb_typeof(p_value) = 'string' THEN p_value #>> '{}' END;
BEGIN
    IF p_field_path LIKE 'specs.%' THEN
        IF NOT EXISTS (SELECT FROM neanelu.prod_attr_definitions AS d WHERE 'specs.' || d.code = p_field_path) THEN
            RAISE EXCEPTION 'there is no attribute %', p_field_path USING ERRCODE = 'NC007';
        END IF;
    ELSIF p_field_path <> ALL ('{title,brand,manufacturer,mpn,gtin,model,description,category,image,price}'::text[]) OR p_field_path IS NULL THEN
        RAISE EXCEPTION 'golden records have no field %', p_field_path USING ERRCODE = 'NC007';
    ELSIF p_field_path = 'title' AND coalesce(v_text, '') = ''
       OR p_field_path = 'gtin' AND p_value <> 'null' AND coalesce(v_text, '') !~ '^[0-9]{14}$'
       OR p_field_path NOT IN ('price', 'image') AND p_value <> 'null' AND v_text IS NULL THEN
        RAISE EXCEPTION 'field % cannot be %', p_field_path, p_value USING ERRCODE = 'NC007';
    END IF;
END
$$;
COMMENT ON FUNCTION pim._assert_value(text, jsonb) IS
    'Refuses a field that golden records do not have, or a value that does not fit it. Writes nothing, takes no locks. Raises: NC007';

CREATE FUNCTION pim.set_value(p_product_id uuid, p_field_path text, p_value jsonb, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_value constant jsonb := coalesce(p_value, 'null');
    v_id uuid;
BEGIN
    PERFORM pim._assert_value(p_field_path, v_value);
    IF cardinality(pim._lock_products(ARRAY[p_product_id])) = 0 THEN
        RAISE EXCEPTION 'there is no golden record %', p_product_id USING ERRCODE = 'NC002';
    END IF;
    SELECT d.id INTO v_id FROM neanelu.prod_field_decisions AS d
     WHERE d.product_id = p_product_id AND d.field_path = p_field_path AND d.kind = 'set' AND d.value = v_value
       AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL;
    IF NOT FOUND THEN
        v_id := pim._record_decision(p_product_id, p_field_path, 'set', v_value, NULL, p_reviewer, p_notes);
        PERFORM pim._decide(ARRAY[p_product_id], false);
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.set_value(uuid, text, jsonb, uuid, text) IS
    'A person gives a field a value of their own, which sticks; null: the field is to have none. Returns the decision. Idempotent. '
    'Locks: the golden record. Raises: NC002 no such golden record, NC007 no such field, or no value of it';

CREATE FUNCTION pim.release_field(p_product_id uuid, p_field_path text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    IF cardinality(pim._lock_products(ARRAY[p_product_id])) = 0 THEN
        RAISE EXCEPTION 'there is no golden record %', p_product_id USING ERRCODE = 'NC002';
    END IF;
    SELECT d.id INTO v_id FROM neanelu.prod_field_decisions AS d
     WHERE d.product_id = p_product_id AND d.field_path = p_field_path AND d.kind <> 'reject' AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no person decided field % of %', p_field_path, p_product_id USING ERRCODE = 'NC004';
    END IF;
    PERFORM pim._withdraw_decision(v_id);
    PERFORM pim._decide(ARRAY[p_product_id], false);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.release_field(uuid, text) IS
    'Takes the decision in force about a field back: the one before it holds again, or the votes decide. Returns the decision taken back. '
    'Locks: the golden record. Raises: NC002 no such golden record, NC004 no person''s decision is in force';

CREATE FUNCTION pim._fields_of(p_version neanelu.prod_specs_normalized)
RETURNS TABLE (field_path text, value jsonb)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.key, CASE WHEN e.key LIKE 'specs.%' THEN (p_version).specs -> substr(e.key, 7) ELSE e.value -> 'value' END
      FROM jsonb_each((p_version).provenance) AS e
$$;
COMMENT ON FUNCTION pim._fields_of(neanelu.prod_specs_normalized) IS
    'The fields of a version with their values. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim.restore(p_product_id uuid, p_version integer, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_old neanelu.prod_specs_normalized;
    v_now neanelu.prod_specs_normalized;
BEGIN
    IF cardinality(pim._lock_products(ARRAY[p_product_id])) = 0 THEN
        RAISE EXCEPTION 'there is no golden record %', p_product_id USING ERRCODE = 'NC002';
    END IF;
    SELECT s.* INTO v_old FROM neanelu.prod_specs_normalized AS s WHERE s.product_id = p_product_id AND s.version = p_version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'golden record % has no version %', p_product_id, p_version USING ERRCODE = 'NC006';
    END IF;
    SELECT s.* INTO v_now FROM neanelu.prod_specs_normalized AS s WHERE s.product_id = p_product_id AND s.is_current;
    IF v_now.version <> p_version THEN
        PERFORM pim._record_decision(p_product_id, f.field_path, 'restore', coalesce(f.value, 'null'), NULL, p_reviewer,
                                     coalesce(p_notes, format('version %s restored', p_version)))
          FROM (SELECT coalesce(o.field_path, n.field_path) AS field_path, o.value
                  FROM pim._fields_of(v_old) AS o FULL JOIN pim._fields_of(v_now) AS n ON n.field_path = o.field_path
                 WHERE o.value IS DISTINCT FROM n.value AND NOT (coalesce(o.field_path, n.field_path) = 'title' AND o.value IS NULL)) AS f;
        PERFORM pim._decide(ARRAY[p_product_id], false);
    END IF;
    RETURN (SELECT s.version FROM neanelu.prod_specs_normalized AS s WHERE s.product_id = p_product_id AND s.is_current);
END
$$;
COMMENT ON FUNCTION pim.restore(uuid, integer, uuid, text) IS
    'Makes a new version with the values of an old one: what differs from now is recorded as a person''s decision, so that it sticks '
    '(pim.release_field lets a field go again). Returns the version in force. Idempotent. Locks: the golden record. '
    'Raises: NC002 no such golden record, NC006 no such version';

CREATE FUNCTION pim.set_rule(p_field_pattern text, p_taxonomy_id uuid, p_settings jsonb, p_reason text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_old prod_survivorship_rules;
    v_new prod_survivorship_rules;
BEGIN
    SELECT r.* INTO v_old FROM neanelu.prod_survivorship_rules AS r
     WHERE r.field_pattern = p_field_pattern AND r.taxonomy_id IS NOT DISTINCT FROM p_taxonomy_id FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO neanelu.prod_survivorship_rules (field_pattern, taxonomy_id, reason) VALUES (p_field_pattern, p_taxonomy_id, p_reason)
        RETURNING * INTO v_old;
    END IF;
    v_new := jsonb_populate_record(v_old, p_settings);
    UPDATE neanelu.prod_survivorship_rules AS r
       SET rule = v_new.rule, value_kind = v_new.value_kind, tolerance = v_new.tolerance, half_life_days = v_new.half_life_days,
           auto_approve = v_new.auto_approve, min_margin = v_new.min_margin, min_confidence = v_new.min_confidence, keep_share = v_new.keep_share,
           omission_weight = v_new.omission_weight, importance = v_new.importance, teaches_trust = v_new.teaches_trust,
           review_days = v_new.review_days, is_active = v_new.is_active, reason = p_reason, updated_at = now()
     WHERE r.id = v_old.id;
    RETURN v_old.id;
END
$$;
COMMENT ON FUNCTION pim.set_rule(text, uuid, jsonb, text) IS
    'Makes or changes the survivorship rule of a field pattern, for a category or (null) all: {"rule": "newest", "tolerance": 0.05, ..}, columns of '
    'prod_survivorship_rules; what is not named stays. Golden records follow when they are decided next. Returns the rule. Idempotent. '
    'Locks: the rule. Raises: 23514, 23502, 23503 for settings that are none';

GRANT EXECUTE ON FUNCTION pim.review_proposal(uuid, text, uuid, text), pim.undo_review(uuid), pim.set_value(uuid, text, jsonb, uuid, text),
    pim.release_field(uuid, text), pim.restore(uuid, integer, uuid, text), pim.set_rule(text, uuid, jsonb, text)
    TO neanelu_pim_editor, neanelu_operator;

COMMIT;

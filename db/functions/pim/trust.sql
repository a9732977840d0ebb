-- Deploy neanelu:functions/pim/trust to pg
-- requires: functions/pim/review
-- Trust in sources, learnt from what people decided and, much more cautiously, from agreement with the others.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._observe_trust()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM neanelu.prod_trust_observations AS o
     USING neanelu.prod_field_decisions AS d
     WHERE d.id = o.decision_id AND (d.withdrawn_at IS NOT NULL OR d.replaced_at IS NOT NULL);
    -- What each source said when a person decided; later words may be copied from the decision.
    INSERT INTO neanelu.prod_trust_observations (source_id, decision_id, proposal_id, product_id, field_path, is_right)
    SELECT DISTINCT ON (d.id, p.source_id) p.source_id, d.id, p.id, p.product_id, p.field_path,
           d.kind <> 'reject' AND (SELECT pim._agrees(p.proposed_value, d.value, r.tolerance, CASE r.value_kind WHEN 'persons' THEN 'persons' ELSE 'text' END)
                                     FROM pim._rules(ARRAY[m.taxonomy_id], ARRAY[p.field_path]) AS u
                                     JOIN neanelu.prod_survivorship_rules AS r ON r.id = u.rule_id)
      FROM neanelu.prod_field_decisions AS d
      JOIN neanelu.prod_master AS m ON m.id = d.product_id
      JOIN neanelu.prod_proposals AS p ON p.product_id = d.product_id AND p.field_path = d.field_path AND p.created_at <= d.decided_at
     WHERE d.kind IN ('approve', 'set', 'reject') AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL AND p.source_id IS NOT NULL
       AND (d.kind <> 'reject' OR pim._value_key(d.value) = pim._value_key(p.proposed_value))
     ORDER BY d.id, p.source_id, p.observed_at DESC, p.id DESC
        ON CONFLICT (decision_id, proposal_id) DO NOTHING;
END
$$;
COMMENT ON FUNCTION pim._observe_trust() IS
    'Notes for each decision in force which sources had been right and which wrong; a restored version is no judgement of sources. Idempotent. '
    'Locks: the rows. Raises: nothing';

CREATE FUNCTION pim._agreement()
RETURNS TABLE (source_id uuid, agreed bigint, disagreed bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.source_id, count(*) FILTER (WHERE c.proposal_status IN ('approved', 'merged')), count(*) FILTER (WHERE c.proposal_status = 'rejected')
      FROM (SELECT p.source_id, p.field_path, p.proposal_status, p.reviewed_by, count(*) OVER (PARTITION BY p.product_id, p.field_path) AS voices
              FROM neanelu.prod_proposals AS p
             WHERE p.source_id IS NOT NULL AND p.proposal_status IN ('approved', 'merged', 'rejected')) AS c
      JOIN pim._rules(ARRAY[NULL::uuid], ARRAY(SELECT DISTINCT p.field_path FROM neanelu.prod_proposals AS p)) AS u ON u.field_path = c.field_path
      JOIN neanelu.prod_survivorship_rules AS r ON r.id = u.rule_id AND r.teaches_trust
     WHERE c.voices >= 3 AND c.reviewed_by IS NULL
     GROUP BY c.source_id
$$;
COMMENT ON FUNCTION pim._agreement() IS
    'How often each source agreed with the consensus of at least three, and how often not, on fields where that means something. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._reckon_trust()
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE neanelu.prod_source_trust AS t
       SET reviewed_right = k.rights, reviewed_wrong = k.wrongs, agreed = k.agreed, disagreed = k.disagreed, learnt_trust = k.learnt, learnt_at = now(),
           explanation = format('%s by hand, worth 10 reviewed values; %s of %s reviewed values right; %s of %s others with the consensus, worth %s: %s%s',
               t.start_trust, k.rights, k.rights + k.wrongs, k.agreed, k.agreed + k.disagreed, k.worth, k.learnt,
               CASE WHEN t.is_pinned THEN '; not used, the trust is pinned' ELSE '' END)
      FROM (SELECT c.*, round(least(0.95, greatest(0.05,
                       (10 * c.start_trust + c.rights + CASE WHEN c.worth > 0 THEN c.worth * c.agreed / (c.agreed + c.disagreed) ELSE 0 END)
                       / (10 + c.rights + c.wrongs + c.worth))), 2) AS learnt
              FROM (SELECT s.source_id, s.start_trust, coalesce(o.rights, 0) AS rights, coalesce(o.wrongs, 0) AS wrongs,
                           coalesce(a.agreed, 0) AS agreed, coalesce(a.disagreed, 0) AS disagreed,
                           round(least(10, 0.1 * (coalesce(a.agreed, 0) + coalesce(a.disagreed, 0))), 1) AS worth
                      FROM neanelu.prod_source_trust AS s
                      LEFT JOIN (SELECT b.source_id, count(*) FILTER (WHERE b.is_right) AS rights, count(*) FILTER (WHERE NOT b.is_right) AS wrongs
                                   FROM neanelu.prod_trust_observations AS b GROUP BY b.source_id) AS o ON o.source_id = s.source_id
                      LEFT JOIN pim._agreement() AS a ON a.source_id = s.source_id) AS c) AS k
     WHERE t.source_id = k.source_id
       AND (t.reviewed_right, t.reviewed_wrong, t.agreed, t.disagreed, t.learnt_trust) IS DISTINCT FROM (k.rights, k.wrongs, k.agreed, k.disagreed, k.learnt)
$$;
COMMENT ON FUNCTION pim._reckon_trust() IS
    'Reckons trust as the mean of a Beta posterior: the start by hand counts as ten reviewed values, a value that agrees with the others as a tenth, all '
    'those together as ten at most; bounded by 0.05 and 0.95. Locks: rows that change. Raises: nothing';

CREATE FUNCTION pim.learn_trust()
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count integer;
BEGIN
    LOCK TABLE neanelu.prod_source_trust IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO neanelu.prod_source_trust (source_id, start_trust) SELECT s.id, s.trust_score FROM neanelu.prod_sources AS s ON CONFLICT DO NOTHING;
    -- A trust that was changed by hand meanwhile is the new start.
    UPDATE neanelu.prod_source_trust AS t SET start_trust = s.trust_score
      FROM neanelu.prod_sources AS s
     WHERE s.id = t.source_id AND NOT t.is_pinned AND s.trust_score <> coalesce(t.learnt_trust, t.start_trust);
    PERFORM pim._observe_trust();
    PERFORM pim._reckon_trust();
    UPDATE neanelu.prod_sources AS s SET trust_score = t.learnt_trust, updated_at = now()
      FROM neanelu.prod_source_trust AS t WHERE t.source_id = s.id AND NOT t.is_pinned AND s.trust_score <> t.learnt_trust;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION pim.learn_trust() IS
    'Learns the trust of sources from reviewed values and agreement (pim._reckon_trust); pinned sources keep theirs. Returns how many changed. '
    'prod_source_trust.explanation says how each came about. Golden records follow when they are decided next. Idempotent as long as nothing is decided. '
    'Locks: prod_source_trust against a second learner, sources that change. Raises: nothing';

CREATE FUNCTION pim.pin_trust(p_source_id uuid, p_trust numeric, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_trust IS NULL OR p_trust NOT BETWEEN 0 AND 1 THEN
        RAISE EXCEPTION 'trust is between 0 and 1, not %', p_trust USING ERRCODE = 'NC009';
    END IF;
    UPDATE neanelu.prod_sources AS s SET trust_score = p_trust, updated_at = now() WHERE s.id = p_source_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no source %', p_source_id USING ERRCODE = 'NC009';
    END IF;
    INSERT INTO neanelu.prod_source_trust AS t (source_id, start_trust, is_pinned, pinned_by, pinned_at, notes)
    VALUES (p_source_id, p_trust, true, p_reviewer, now(), p_notes)
        ON CONFLICT (source_id) DO UPDATE
       SET start_trust = excluded.start_trust, is_pinned = true, pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at, notes = excluded.notes;
END
$$;
COMMENT ON FUNCTION pim.pin_trust(uuid, numeric, uuid, text) IS
    'Gives a source a trust that learning leaves alone. Idempotent. Locks: the source. Raises: NC009 no such source, or a trust beyond 0 to 1';

CREATE FUNCTION pim.unpin_trust(p_source_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE neanelu.prod_source_trust AS t SET is_pinned = false, pinned_by = NULL, pinned_at = NULL, learnt_trust = NULL WHERE t.source_id = p_source_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no pinned source %', p_source_id USING ERRCODE = 'NC009';
    END IF;
END
$$;
COMMENT ON FUNCTION pim.unpin_trust(uuid) IS
    'Lets the trust of a source be learnt again, from the value that was pinned. Idempotent. Locks: the row. Raises: NC009 it never was pinned';

GRANT EXECUTE ON FUNCTION pim.learn_trust() TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.pin_trust(uuid, numeric, uuid, text), pim.unpin_trust(uuid) TO neanelu_pim_editor, neanelu_operator;

COMMIT;

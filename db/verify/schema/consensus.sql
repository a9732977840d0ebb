-- Verify neanelu:schema/consensus on pg

BEGIN;

SELECT id, field_pattern, taxonomy_id, rule, value_kind, tolerance, half_life_days, auto_approve, min_margin, min_confidence,
       keep_share, omission_weight, importance, teaches_trust, review_days, reason, is_active, created_at, updated_at
  FROM neanelu.prod_survivorship_rules WHERE false;
SELECT id, product_id, field_path, kind, value, proposal_id, reviewed_by, notes, decided_at, replaced_at, replaced_by_id, withdrawn_at, moved_from
  FROM neanelu.prod_field_decisions WHERE false;
SELECT id, source_id, decision_id, proposal_id, product_id, field_path, is_right, observed_at
  FROM neanelu.prod_trust_observations WHERE false;
SELECT source_id, is_pinned, start_trust, reviewed_right, reviewed_wrong, agreed, disagreed, learnt_trust, explanation, learnt_at,
       pinned_by, pinned_at, notes
  FROM neanelu.prod_source_trust WHERE false;
SELECT 1 / count(*) FROM pg_catalog.pg_class WHERE oid = 'neanelu.idx_field_decisions_in_force'::regclass;

SELECT NULL::pim.vote, NULL::pim.option, NULL::pim.outcome;

DO $verify$
BEGIN
    -- A field of any kind finds a rule.
    IF NOT EXISTS (SELECT FROM neanelu.prod_survivorship_rules AS r WHERE r.field_pattern = '*' AND r.taxonomy_id IS NULL AND r.is_active) THEN
        RAISE EXCEPTION 'the rule for everything else is missing';
    END IF;
END
$verify$;

ROLLBACK;

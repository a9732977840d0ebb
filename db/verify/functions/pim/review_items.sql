-- Verify neanelu:functions/pim/review_items on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('pim._category_tree(text)', true, 's', '{}'),
             ('pim._wanted(jsonb, text, uuid)', true, 's', '{}'),
             ('pim._waiting_proposals(jsonb, uuid, integer)', true, 's', '{}'),
             ('pim._waiting_clusters(jsonb, uuid, integer)', true, 's', '{}'),
             ('pim._waiting_synonyms(jsonb, uuid, integer)', true, 's', '{}'),
             ('pim._match_other(neanelu.prod_similarity_matches)', false, 's', '{}'),
             ('pim._is_settled(neanelu.prod_similarity_matches)', false, 's', '{}'),
             ('pim._waiting_matches(jsonb, uuid, integer)', true, 's', '{}'),
             ('pim._waiting(jsonb, uuid, integer)', true, 's', '{}'),
             ('pim._card(uuid)', true, 's', '{}'),
             ('pim._proposal_evidence(uuid)', true, 's', '{}'),
             ('pim._cluster_evidence(uuid)', true, 's', '{}'),
             ('pim._meaning(neanelu.prod_attr_mappings, text)', false, 's', '{}'),
             ('pim._synonym_evidence(uuid)', true, 's', '{}'),
             ('pim._match_evidence(uuid)', true, 's', '{}'),
             ('pim._retract_proposals(uuid[], text)', false, 'v', '{}'),
             ('pim._decide_synonym(uuid, text, uuid, text)', false, 'v', '{}'),
             ('pim._restore_synonyms(jsonb)', false, 'v', '{}'),
             ('pim._undo_synonym(jsonb)', false, 'v', '{}'),
             ('pim._decide_match(uuid, text, uuid, text)', false, 'v', '{}'),
             ('pim._undo_match(uuid, jsonb, uuid)', false, 'v', '{}')
           ) AS f (signature, is_definer, volatility, callers)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR p.proowner <> 'neanelu_engine'::regrole
        OR p.prosecdef <> f.is_definer OR p.provolatile::text <> f.volatility
        OR (p.prosqlbody IS NULL AND coalesce(array_to_string(p.proconfig, ' '), '') !~ 'search_path=.*pg_temp')
        OR ARRAY(SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')
                   FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
                  WHERE a.grantee <> p.proowner ORDER BY 1 DESC) <> f.callers::text[];
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions missing, of another kind, or executable by the wrong roles: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;

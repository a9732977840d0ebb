-- Deploy neanelu:functions/pim/consensus to pg
-- requires: policies/consensus
-- requires: functions/normalise/persons
-- Votes, options, outcomes: what the sources say about a field, what it could be, and what it is. Nothing here writes. All of it
-- is a function of the proposals, the rules, the sources' trust and people's decisions alone, so the order in which things
-- arrived does not matter; weights are numeric, because sums of floats depend on their order.

BEGIN;

SET LOCAL search_path = neanelu, pim, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- Bodies without a SET clause are folded into the queries that call them: a value's key is asked for tens of thousands of times a batch.
CREATE FUNCTION pim._fold(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_text ~ '^[a-z0-9]+$' THEN p_text ELSE coalesce(nullif(regexp_replace(regexp_replace(
           CASE WHEN p_text ~ '^[ -~]*$' THEN lower(p_text) ELSE normalise.plain_letters(p_text) END,
           '(\d)[.,](?=\d)', '\1·', 'g'), '[^[:alnum:]·+#]+', '', 'g'), ''), p_text) END;
COMMENT ON FUNCTION pim._fold(text) IS
    'A text without case, spaces, punctuation and diacritics; marks between digits, + and # stay, for 1.5 is not 15 and C++ not C. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._inner(p_value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_value) = 'object' AND p_value ? 'value' THEN p_value -> 'value' ELSE p_value END;
COMMENT ON FUNCTION pim._inner(jsonb) IS
    'The value of {"value", "unit"}, or the value itself. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._array_key(p_value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(DISTINCT pim._fold(coalesce(e.value ->> 'value', e.value #>> '{}')), '|') FROM jsonb_array_elements(p_value) AS e (value)
$$;
COMMENT ON FUNCTION pim._array_key(jsonb) IS 'pim._value_key of an array: its set of elements. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._value_key(p_value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(pim._inner(p_value))
    WHEN 'string' THEN pim._fold(pim._inner(p_value) #>> '{}')
    WHEN 'number' THEN trim_scale((pim._inner(p_value) #>> '{}')::numeric)::text || coalesce(' ' || (p_value ->> 'unit'), '')
    WHEN 'array' THEN pim._array_key(pim._inner(p_value))
    ELSE pim._inner(p_value)::text || coalesce(' ' || (p_value ->> 'unit'), '') END;
COMMENT ON FUNCTION pim._value_key(jsonb) IS
    'What two values that say the same have in common: folded text, the set of elements, number and unit. Tolerance aside. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._rules(p_taxonomy_ids uuid[], p_fields text[])
RETURNS TABLE (taxonomy_id uuid, field_path text, rule_id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE above AS (
        SELECT t.id AS start_id, t.id, t.parent_id, 0 AS steps
          FROM neanelu.prod_taxonomy AS t
         WHERE t.id = ANY (p_taxonomy_ids) AND EXISTS (SELECT FROM neanelu.prod_survivorship_rules AS r WHERE r.taxonomy_id IS NOT NULL)
         UNION ALL
        SELECT a.start_id, t.id, t.parent_id, a.steps + 1
          FROM above AS a JOIN neanelu.prod_taxonomy AS t ON t.id = a.parent_id)
    SELECT DISTINCT ON (c.taxonomy_id, f.field_path) c.taxonomy_id, f.field_path, r.id
      FROM (SELECT DISTINCT u.id FROM unnest(p_taxonomy_ids) AS u (id)) AS c (taxonomy_id)
     CROSS JOIN (SELECT DISTINCT u.path FROM unnest(p_fields) AS u (path)) AS f (field_path)
      JOIN neanelu.prod_survivorship_rules AS r
        ON r.is_active AND f.field_path LIKE replace(replace(r.field_pattern, '_', '\_'), '*', '%')
      LEFT JOIN above AS a ON a.start_id = c.taxonomy_id AND a.id = r.taxonomy_id
     WHERE r.taxonomy_id IS NULL OR a.id IS NOT NULL
     ORDER BY c.taxonomy_id, f.field_path, a.steps NULLS LAST, length(replace(r.field_pattern, '*', '')) DESC, r.field_pattern
$$;
COMMENT ON FUNCTION pim._rules(uuid[], text[]) IS
    'The survivorship rule of each category (null: none) and field: the nearest category first, then the longest pattern. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._live_proposals(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, taxonomy_id uuid, field_path text, proposal_id uuid, source_id uuid, session_id uuid, status text,
               is_refused boolean, is_own boolean, created_at timestamptz, observed_at timestamptz, expires_at timestamptz,
               trust numeric, confidence numeric, priority integer, value jsonb, raw jsonb, newest timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.product_id, l.taxonomy_id, l.field_path, l.id, l.source_id, l.extraction_session_id, l.proposal_status,
           -- A sub-select of its own, so that keys are made only where somebody rejected something: a hash would want one of every vote.
           EXISTS (SELECT FROM (SELECT d.value FROM neanelu.prod_field_decisions AS d
                                 WHERE d.product_id = l.product_id AND d.field_path = l.field_path AND d.kind = 'reject'
                                   AND d.withdrawn_at IS NULL AND d.replaced_at IS NULL OFFSET 0) AS r
                    WHERE pim._value_key(r.value) = pim._value_key(l.proposed_value)),
           EXISTS (SELECT FROM neanelu.prod_field_decisions AS d
                    WHERE d.proposal_id = l.id AND d.withdrawn_at IS NULL AND d.replaced_at IS NULL),
           l.created_at, l.observed_at, l.expires_at, l.trust_score, l.confidence, l.priority, l.proposed_value, l.raw_value,
           max(l.observed_at) OVER (PARTITION BY l.product_id, l.field_path)
      FROM (SELECT p.id, p.product_id, m.taxonomy_id, p.field_path, p.source_id, p.extraction_session_id, p.proposal_status::text,
                   p.created_at, p.observed_at, p.expires_at, p.proposed_value, p.raw_value,
                   coalesce(s.trust_score, 0.5) AS trust_score, coalesce(p.confidence_score, 0.5) AS confidence, coalesce(s.priority, 50) AS priority,
                   row_number() OVER (PARTITION BY p.product_id, p.field_path, coalesce(p.source_id, p.id)
                                      ORDER BY p.observed_at DESC, p.extraction_session_id DESC NULLS LAST, p.id DESC) AS age
              FROM neanelu.prod_proposals AS p
              JOIN neanelu.prod_master AS m ON m.id = p.product_id
              LEFT JOIN neanelu.prod_sources AS s ON s.id = p.source_id
             WHERE p.product_id = ANY (p_product_ids) AND p.proposal_status <> 'superseded') AS l
     WHERE l.age = 1
$$;
COMMENT ON FUNCTION pim._live_proposals(uuid[]) IS
    'The newest proposal of each source for each field of the products. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._votes(p_product_ids uuid[])
RETURNS SETOF pim.vote
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH live AS MATERIALIZED (SELECT l.* FROM pim._live_proposals(p_product_ids) AS l),
    ruled AS MATERIALIZED (
        SELECT r.taxonomy_id, r.field_path, r.rule_id, s.half_life_days, s.value_kind, s.rule
          FROM pim._rules((SELECT array_agg(DISTINCT l.taxonomy_id) FROM live AS l), (SELECT array_agg(DISTINCT l.field_path) FROM live AS l)) AS r
          JOIN neanelu.prod_survivorship_rules AS s ON s.id = r.rule_id),
    -- A field is a list as soon as one source gives several values.
    shaped AS (
        SELECT l.*, r.rule_id, r.half_life_days, jsonb_typeof(pim._inner(l.value)) AS type,
               CASE WHEN r.value_kind <> 'auto' THEN r.value_kind
                    WHEN r.rule = 'union' OR bool_or(jsonb_typeof(pim._inner(l.value)) = 'array' AND jsonb_typeof(pim._inner(l.value) -> 0) = 'string')
                         OVER (PARTITION BY l.product_id, l.field_path) THEN 'list' END AS shape
          FROM live AS l
          JOIN ruled AS r ON r.field_path = l.field_path AND r.taxonomy_id IS NOT DISTINCT FROM l.taxonomy_id),
    aged AS (
        SELECT s.*, CASE WHEN s.half_life_days IS NULL OR s.newest = s.observed_at THEN 1.0
                         ELSE greatest(0.05, round(power(0.5, extract(epoch FROM s.newest - s.observed_at)::float8 / 86400 / s.half_life_days::float8)::numeric, 4))
                    END AS recency
          FROM shaped AS s)
    SELECT a.product_id, a.field_path, a.proposal_id, a.source_id, a.session_id, a.status, a.is_refused, a.is_own, a.created_at, a.observed_at,
           a.expires_at, a.trust, a.confidence, a.recency, greatest(0.0001, round(a.trust * a.confidence * a.recency, 4)), a.priority,
           CASE WHEN a.shape IN ('list', 'persons') THEN a.shape
                WHEN a.type = 'number' THEN 'number'
                WHEN a.type IN ('string', 'boolean') THEN 'text' ELSE 'whole' END,
           a.value, a.raw, a.rule_id
      FROM aged AS a
$$;
COMMENT ON FUNCTION pim._votes(uuid[]) IS
    'The votes on the products'' fields: one a source. Age counts from the field''s newest vote, not from now, so that nothing changes by '
    'waiting. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._elements(p_votes pim.vote[])
RETURNS TABLE (product_id uuid, field_path text, proposal_id uuid, weight numeric, priority integer, trust numeric, observed_at timestamptz,
               kind text, rule_id uuid, item jsonb, place bigint, total numeric)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.product_id, v.field_path, v.proposal_id, v.weight, v.priority, v.trust, v.observed_at, v.kind, v.rule_id, e.item, e.place, v.total
      FROM (SELECT u.*, sum(u.weight) OVER (PARTITION BY u.product_id, u.field_path) AS total FROM unnest(p_votes) AS u WHERE NOT u.is_refused) AS v
     CROSS JOIN LATERAL jsonb_array_elements(
               CASE WHEN v.kind NOT IN ('list', 'persons') THEN jsonb_build_array(v.value)
                    WHEN jsonb_typeof(pim._inner(v.value)) = 'array' THEN pim._inner(v.value)
                    ELSE jsonb_build_array(v.value) END) WITH ORDINALITY AS e (item, place)
$$;
COMMENT ON FUNCTION pim._elements(pim.vote[]) IS
    'The votes'' values, lists element by element. Refused votes are left out. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._keys(p_votes pim.vote[])
RETURNS TABLE (product_id uuid, field_path text, proposal_id uuid, weight numeric, priority integer, trust numeric, observed_at timestamptz,
               kind text, rule_id uuid, item jsonb, place bigint, total numeric, key text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    WITH elements AS MATERIALIZED (SELECT e.* FROM pim._elements(p_votes) AS e),
    numbers AS (
        SELECT n.*, count(*) FILTER (WHERE n.number - n.below > r.tolerance * greatest(abs(n.number), abs(n.below)))
                    OVER (PARTITION BY n.product_id, n.field_path, n.unit ORDER BY n.number) AS island
          FROM (SELECT e.*, e.item ->> 'unit' AS unit, (pim._inner(e.item) #>> '{}')::numeric AS number,
                       lag((pim._inner(e.item) #>> '{}')::numeric) OVER (PARTITION BY e.product_id, e.field_path, e.item ->> 'unit'
                                                                         ORDER BY (pim._inner(e.item) #>> '{}')::numeric) AS below
                  FROM elements AS e WHERE e.kind = 'number') AS n
          JOIN neanelu.prod_survivorship_rules AS r ON r.id = n.rule_id),
    named AS MATERIALIZED (SELECT e.product_id, e.field_path, e.proposal_id, e.item #>> '{}' AS name, e.weight FROM elements AS e WHERE e.kind = 'persons'),
    people AS MATERIALIZED (
        SELECT g.product_id, g.field_path, m.name, m.person
          FROM (SELECT d.product_id, d.field_path, array_agg(d.name) AS names, array_agg(d.weight) AS weights
                  FROM (SELECT n.product_id, n.field_path, n.name, sum(n.weight) AS weight FROM named AS n GROUP BY n.product_id, n.field_path, n.name) AS d
                 GROUP BY d.product_id, d.field_path) AS g
          LEFT JOIN (SELECT a.product_id, a.field_path, array_agg(DISTINCT a.name || E'\t' || b.name) AS pairs
                       FROM named AS a JOIN named AS b ON b.proposal_id = a.proposal_id AND b.name > a.name
                      GROUP BY a.product_id, a.field_path) AS t ON t.product_id = g.product_id AND t.field_path = g.field_path
         CROSS JOIN LATERAL normalise.merge_persons(g.names, g.weights, coalesce(t.pairs, '{}')) AS m)
    SELECT e.product_id, e.field_path, e.proposal_id, e.weight, e.priority, e.trust, e.observed_at, e.kind, e.rule_id, e.item, e.place, e.total,
           pim._value_key(e.item)
      FROM elements AS e WHERE e.kind NOT IN ('number', 'persons')
     UNION ALL
    SELECT n.product_id, n.field_path, n.proposal_id, n.weight, n.priority, n.trust, n.observed_at, n.kind, n.rule_id, n.item, n.place, n.total,
           '#' || n.island || coalesce(' ' || n.unit, '')
      FROM numbers AS n
     UNION ALL
    SELECT e.product_id, e.field_path, e.proposal_id, e.weight, e.priority, e.trust, e.observed_at, e.kind, e.rule_id, to_jsonb(p.person), e.place,
           e.total, pim._fold(p.person)
      FROM elements AS e
      JOIN people AS p ON p.product_id = e.product_id AND p.field_path = e.field_path AND p.name = e.item #>> '{}'
     WHERE e.kind = 'persons'
$$;
COMMENT ON FUNCTION pim._keys(pim.vote[]) IS
    'The votes'' values with what those that agree have in common: folded text; for numbers the stretch without a gap wider than the rule''s '
    'tolerance; for persons the best supported writing. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._grouped(p_votes pim.vote[])
RETURNS TABLE (product_id uuid, field_path text, key text, kind text, rule_id uuid, total numeric, support numeric, item jsonb, place numeric,
               proposals uuid[], trust numeric, priority integer, first_seen timestamptz, last_seen timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT w.product_id, w.field_path, w.key, min(w.kind), (array_agg(w.rule_id))[1], max(w.total), sum(w.weight),
           (array_agg(w.item ORDER BY w.item_weight DESC, w.priority DESC, length(w.item::text) DESC, w.item::text COLLATE "C"))[1],
           round(sum(w.place * w.weight) / sum(w.weight), 4), array_agg(w.proposal_id), max(w.trust), max(w.priority), min(w.observed_at), max(w.observed_at)
      FROM (SELECT d.*, sum(d.weight) OVER (PARTITION BY d.product_id, d.field_path, d.key, d.item) AS item_weight
              FROM (SELECT DISTINCT ON (k.product_id, k.field_path, k.key, k.proposal_id) k.*
                      FROM pim._keys(p_votes) AS k
                     ORDER BY k.product_id, k.field_path, k.key, k.proposal_id, k.place, k.item::text COLLATE "C") AS d) AS w
     GROUP BY w.product_id, w.field_path, w.key
$$;
COMMENT ON FUNCTION pim._grouped(pim.vote[]) IS
    'Values that agree, with the weight of their sources and the writing that most of it is for. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._tally(p_votes pim.vote[])
RETURNS SETOF pim.option
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT s.product_id, s.field_path, s.key, s.item, s.support, s.total, s.share, s.place::integer,
           CASE WHEN s.rule = 'union' THEN true
                WHEN s.rule = 'keep_both' OR s.kind IN ('list', 'persons') THEN s.share >= s.keep_share OR s.place = 1
                ELSE s.place = 1 END,
           s.position, s.proposals, s.rule_id, s.kind
      FROM (SELECT g.*, r.rule, r.keep_share,
                   round(CASE WHEN g.kind IN ('list', 'persons') THEN g.support / (g.support + r.omission_weight * (g.total - g.support))
                              ELSE g.support / g.total END, 4) AS share,
                   row_number() OVER (PARTITION BY g.product_id, g.field_path ORDER BY
                       CASE r.rule WHEN 'most_trusted' THEN g.trust
                                   WHEN 'newest' THEN extract(epoch FROM g.last_seen)
                                   WHEN 'oldest' THEN -extract(epoch FROM g.first_seen)
                                   WHEN 'longest' THEN length(g.item #>> '{}')
                                   WHEN 'shortest' THEN -length(g.item #>> '{}')
                                   WHEN 'max' THEN CASE WHEN g.kind = 'number' THEN (pim._inner(g.item) #>> '{}')::numeric END
                                   WHEN 'min' THEN CASE WHEN g.kind = 'number' THEN -(pim._inner(g.item) #>> '{}')::numeric END
                       END DESC NULLS LAST, g.support DESC, g.priority DESC, g.trust DESC, g.last_seen DESC, g.item::text COLLATE "C") AS place
              FROM pim._grouped(p_votes) AS g (product_id, field_path, key, kind, rule_id, total, support, item, position, proposals, trust, priority, first_seen, last_seen)
              JOIN neanelu.prod_survivorship_rules AS r ON r.id = g.rule_id) AS s
$$;
COMMENT ON FUNCTION pim._tally(pim.vote[]) IS
    'The options of each field, best first by its rule, and which of them the rule takes. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._agrees(p_item jsonb, p_value jsonb, p_tolerance numeric, p_kind text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_item constant jsonb := pim._inner(p_item);
    v_value constant jsonb := pim._inner(p_value);
BEGIN
    IF p_kind IN ('list', 'persons') AND jsonb_typeof(v_value) = 'array' THEN
        RETURN EXISTS (SELECT FROM jsonb_array_elements(v_value) AS e (value) WHERE pim._agrees(p_item, e.value, p_tolerance, p_kind));
    END IF;
    IF jsonb_typeof(v_item) = 'number' AND jsonb_typeof(v_value) = 'number' THEN
        RETURN (p_item ->> 'unit') IS NOT DISTINCT FROM (p_value ->> 'unit')
           AND abs((v_item #>> '{}')::numeric - (v_value #>> '{}')::numeric)
               <= p_tolerance * greatest(abs((v_item #>> '{}')::numeric), abs((v_value #>> '{}')::numeric));
    END IF;
    IF p_kind = 'persons' THEN
        RETURN normalise.is_same_person(normalise._person_words(v_item #>> '{}'), normalise._person_words(v_value #>> '{}'));
    END IF;
    RETURN pim._value_key(p_item) = pim._value_key(p_value);
END
$$;
COMMENT ON FUNCTION pim._agrees(jsonb, jsonb, numeric, text) IS
    'Whether a value says the same as another, or for a list whether it is one of its elements. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._heed_decisions(p_product_ids uuid[], p_options pim.option[])
RETURNS SETOF pim.option
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT o.product_id, o.field_path, o.key, o.item, o.support, o.total, o.share, o.place,
           CASE WHEN d.id IS NULL THEN o.is_taken
                ELSE pim._agrees(o.item, d.value, (SELECT r.tolerance FROM neanelu.prod_survivorship_rules AS r WHERE r.id = o.rule_id), o.kind) END,
           o.position, o.proposals, o.rule_id, o.kind
      FROM unnest(p_options) AS o
      LEFT JOIN (SELECT f.* FROM neanelu.prod_field_decisions AS f
                  WHERE f.product_id = ANY (p_product_ids) AND f.kind <> 'reject' AND f.replaced_at IS NULL AND f.withdrawn_at IS NULL) AS d
        ON d.product_id = o.product_id AND d.field_path = o.field_path
$$;
COMMENT ON FUNCTION pim._heed_decisions(uuid[], pim.option[]) IS
    'The options, taken as people decided where they did. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._supporters(p_votes pim.vote[], p_options pim.option[])
RETURNS TABLE (product_id uuid, field_path text, sources uuid[], sessions uuid[], proposals uuid[], raw jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT v.product_id, v.field_path, array_agg(DISTINCT v.source_id) FILTER (WHERE v.source_id IS NOT NULL),
           array_agg(DISTINCT v.session_id) FILTER (WHERE v.session_id IS NOT NULL), array_agg(DISTINCT v.proposal_id),
           (array_agg(v.raw ORDER BY v.value = t.item DESC, v.weight DESC, v.priority DESC, v.raw::text COLLATE "C"))[1]
      FROM unnest(p_votes) AS v
      JOIN (SELECT p.id, (array_agg(o.item ORDER BY o.place))[1] AS item
              FROM unnest(p_options) AS o CROSS JOIN LATERAL unnest(o.proposals) AS p (id) WHERE o.is_taken GROUP BY p.id) AS t ON t.id = v.proposal_id
     GROUP BY v.product_id, v.field_path
$$;
COMMENT ON FUNCTION pim._supporters(pim.vote[], pim.option[]) IS
    'Who is behind the options taken, and how the strongest of them wrote it. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._fields(p_options pim.option[])
RETURNS TABLE (product_id uuid, field_path text, rule_id uuid, value jsonb, confidence numeric, margin numeric, alternatives jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT o.product_id, o.field_path, r.id,
           CASE WHEN o.is_list OR count(*) FILTER (WHERE o.is_taken) > 1 THEN jsonb_agg(o.item ORDER BY o.position, o.key COLLATE "C") FILTER (WHERE o.is_taken)
                ELSE (array_agg(o.item ORDER BY o.place) FILTER (WHERE o.is_taken))[1] END,
           -- As if one more source, of weight 0.2, said something else.
           round(avg(CASE WHEN o.is_list THEN o.support / (o.support + r.omission_weight * (o.total - o.support) + 0.2)
                          ELSE o.support / (o.total + 0.2) END) FILTER (WHERE o.is_taken), 2),
           round(CASE WHEN o.is_list THEN avg(2 * greatest(o.share, 1 - o.share) - 1)
                      ELSE max(o.share) FILTER (WHERE o.is_taken) - coalesce(max(o.share) FILTER (WHERE NOT o.is_taken), 0) END, 4),
           jsonb_agg(jsonb_build_object('value', o.item, 'share', o.share, 'sources', cardinality(o.proposals)) ORDER BY o.place)
               FILTER (WHERE NOT o.is_taken AND o.place <= 6)
      FROM (SELECT u.*, u.kind IN ('list', 'persons') AS is_list FROM unnest(p_options) AS u) AS o
      JOIN neanelu.prod_survivorship_rules AS r ON r.id = o.rule_id
     GROUP BY o.product_id, o.field_path, r.id, o.is_list
$$;
COMMENT ON FUNCTION pim._fields(pim.option[]) IS
    'What the options taken come to per field: value, confidence, how far the rest is behind, and the rest. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._outcomes(p_product_ids uuid[], p_votes pim.vote[], p_options pim.option[])
RETURNS SETOF pim.outcome
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT coalesce(f.product_id, d.product_id), coalesce(f.field_path, d.field_path),
           CASE s.status WHEN 'open' THEN NULL WHEN 'decided' THEN nullif(d.value, 'null') ELSE f.value END,
           CASE WHEN s.status <> 'open' THEN p.raw END,
           CASE WHEN d.id IS NULL THEN r.rule ELSE 'person' END, s.status, CASE WHEN d.id IS NULL THEN f.confidence ELSE 1 END, f.margin,
           coalesce(r.importance, 30), coalesce(r.review_days, 90), d.id, d.reviewed_by, d.decided_at,
           p.sources, p.sessions, p.proposals, f.alternatives
      FROM pim._fields(p_options) AS f
      JOIN neanelu.prod_survivorship_rules AS r ON r.id = f.rule_id
      LEFT JOIN pim._supporters(p_votes, p_options) AS p ON p.product_id = f.product_id AND p.field_path = f.field_path
      FULL JOIN (SELECT e.* FROM neanelu.prod_field_decisions AS e
                  WHERE e.product_id = ANY (p_product_ids) AND e.kind <> 'reject' AND e.replaced_at IS NULL AND e.withdrawn_at IS NULL) AS d
        ON d.product_id = f.product_id AND d.field_path = f.field_path
     CROSS JOIN LATERAL (SELECT CASE WHEN d.id IS NOT NULL THEN 'decided'
                                     WHEN f.confidence < r.min_confidence THEN 'open'
                                     WHEN f.confidence >= r.auto_approve AND f.margin >= r.min_margin OR r.rule NOT IN ('vote', 'keep_both') AND r.auto_approve <= f.confidence
                                         THEN 'approved'
                                     ELSE 'pending' END) AS s (status)
$$;
COMMENT ON FUNCTION pim._outcomes(uuid[], pim.vote[], pim.option[]) IS
    'What becomes of every field of the products: by the rules, or as people decided. Writes nothing, takes no locks. Raises: nothing';

COMMIT;

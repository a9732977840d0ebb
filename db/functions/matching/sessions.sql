-- Deploy neanelu:functions/matching/sessions to pg
-- requires: functions/matching/keys
-- requires: functions/normalise/identifiers
-- What sources say becomes, or joins, golden records.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._source_key(p_source_product_id text, p_url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(nullif(p_source_product_id, ''), p_url);
COMMENT ON FUNCTION matching._source_key(text, text) IS 'Key of a source''s product: its own, else the page''s address. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._records(p_session_ids uuid[]) RETURNS SETOF matching.offer
LANGUAGE sql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
    SELECT DISTINCT ON (h.source_id, matching._source_key(h.source_product_id, h.source_url))
           s.id, h.source_id, matching._source_key(h.source_product_id, h.source_url), p.id, coalesce((o.config ->> 'one_to_one')::boolean, o.source_type = 'SHOPIFY'),
           coalesce(nullif(btrim(x ->> 'title'), ''), nullif(concat_ws(' ', x ->> 'brand', coalesce(x ->> 'mpn', x ->> 'model')), '')),
           nullif(btrim(x ->> 'brand'), ''), nullif(btrim(x ->> 'manufacturer'), ''), nullif(btrim(x ->> 'mpn'), ''), nullif(btrim(x ->> 'model'), ''),
           normalise.gtin(x ->> 'gtin'),
           (SELECT string_agg(CASE WHEN a.key ~* '^((shoe|clothing|eu) )?(size|marime|mărime|gr(o|ö)(ss|ß)e|taille|talla|pointure)( eu)?$' THEN 'size ' ELSE '' END || a.value, ' ') FROM jsonb_each_text(CASE jsonb_typeof(x -> 'attributes') WHEN 'object' THEN x -> 'attributes' ELSE '{}' END) AS a
             WHERE a.key ~* '(colou?r|culoare|farbe|couleur|size|marime|mărime|gr(o|ö)(ss|ß)e|taille|talla|capacit|kapazit)' AND length(a.value) < 40),
           CASE WHEN x ->> 'price' ~ '^\d{1,10}(\.\d+)?$' THEN round((x ->> 'price')::numeric, 2) END,
           CASE WHEN x ->> 'currency' ~* '^[a-z]{3}$' THEN upper(x ->> 'currency') END, h.target_sku
      FROM prod_extraction_sessions AS s
      JOIN prod_raw_harvest AS h ON h.id = s.harvest_id AND h.fetched_at = s.harvest_fetched_at
      JOIN prod_sources AS o ON o.id = h.source_id
      LEFT JOIN shops AS p ON o.source_type = 'SHOPIFY' AND p.shopify_domain = o.name
     CROSS JOIN LATERAL (SELECT s.extracted_specs) AS e (x)
     WHERE s.id = ANY (p_session_ids) AND s.error_message IS NULL
       AND (nullif(btrim(x ->> 'title'), '') IS NOT NULL OR normalise.gtin(x ->> 'gtin') IS NOT NULL OR normalise.mpn(x ->> 'mpn') IS NOT NULL)
     ORDER BY h.source_id, matching._source_key(h.source_product_id, h.source_url), s.id DESC
$$;
COMMENT ON FUNCTION matching._records(uuid[]) IS
    'Products of sources that some readings are about, the newest reading of each; without those that name no product. A source has each product once when its '
    'config says "one_to_one", and when it is a shop. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._lock(p_keys text[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_bucket integer;
BEGIN
    FOR v_bucket IN SELECT DISTINCT hashtext(k) & 127 FROM unnest(p_keys) AS k ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtext('matching'), v_bucket);
    END LOOP;
END
$$;
COMMENT ON FUNCTION matching._lock(text[]) IS
    'Waits until nobody else is matching a record with one of these keys. Locks: of 128 advisory locks those that the keys fall on, in their order, until the '
    'transaction ends. Raises: nothing';

CREATE FUNCTION matching._lock_records(p_records matching.offer[], p_keys neanelu.prod_match_keys[]) RETURNS void
LANGUAGE sql VOLATILE STRICT
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT matching._lock(ARRAY(
        SELECT r.source_id || r.source_key FROM unnest(p_records) AS r
        UNION ALL
        SELECT n FROM unnest(p_keys) AS k, unnest(k.gtins || k.mpns || k.own_codes || k.title) AS n))
$$;
COMMENT ON FUNCTION matching._lock_records(matching.offer[], neanelu.prod_match_keys[]) IS
    'Makes two workers with the same new product go one after the other, whichever of its numbers or its title they share. As matching._lock';

CREATE FUNCTION matching._bands(p_product_ids uuid[]) RETURNS TABLE (product_id uuid, merge_at numeric, review_at numeric)
LANGUAGE sql STABLE STRICT ROWS 500
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE up AS (
        SELECT m.taxonomy_id AS category, m.taxonomy_id AS id, 0 AS distance FROM prod_master AS m
         WHERE m.id = ANY (p_product_ids) AND m.taxonomy_id IS NOT NULL GROUP BY m.taxonomy_id
        UNION ALL
        SELECT u.category, t.parent_id, u.distance + 1 FROM up AS u JOIN prod_taxonomy AS t ON t.id = u.id WHERE t.parent_id IS NOT NULL
    ), nearest AS (
        SELECT DISTINCT ON (u.category) u.category, h.merge_at, h.review_at
          FROM up AS u JOIN prod_match_thresholds AS h ON h.taxonomy_id = u.id AND h.model = 'evidence/1'
         ORDER BY u.category, u.distance
    )
    SELECT m.id, coalesce(n.merge_at, g.merge_at), coalesce(n.review_at, g.review_at)
      FROM prod_master AS m
      LEFT JOIN nearest AS n ON n.category = m.taxonomy_id
      LEFT JOIN prod_match_thresholds AS g ON g.model = 'evidence/1' AND g.taxonomy_id IS NULL
     WHERE m.id = ANY (p_product_ids)
$$;
COMMENT ON FUNCTION matching._bands(uuid[]) IS
    'From which score golden records are merged, and from which they are reviewed: the thresholds of their nearest category upwards, else the general ones. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._decide(p_records matching.offer[], p_keys neanelu.prod_match_keys[]) RETURNS SETOF matching.decision
LANGUAGE plpgsql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_margin constant double precision := (SELECT w.weight FROM prod_match_weights AS w WHERE w.evidence = 'margin');
    v_pairs  pair[];
BEGIN
    -- A source that has each product once has no second product of a golden record that it is linked with already.
    v_pairs := ARRAY(
        SELECT p FROM matching._compare(p_keys, 10) AS p
         WHERE NOT (p_records[p.item]).is_one_to_one
            OR NOT EXISTS (SELECT FROM prod_match_links AS l WHERE l.product_id = p.product_id AND l.source_id = (p_records[p.item]).source_id));
    RETURN QUERY
    WITH weighed AS MATERIALIZED (
        SELECT w.*, (p_records[w.item]).is_one_to_one AS is_single, (p_records[w.item]).source_id
          FROM matching._weigh(v_pairs, ARRAY(SELECT r.is_one_to_one FROM unnest(p_records) WITH ORDINALITY
               AS r (session_id, source_id, source_key, shop_id, is_one_to_one, title, brand, manufacturer, mpn, model, gtin, further, price, currency, target_sku, i) ORDER BY r.i), v_margin) AS w
    ), assigned AS (
        SELECT a.left_key::integer AS item, split_part(a.right_key, ' ', 2)::uuid AS product_id
          FROM (SELECT array_agg(w.item::text) AS l, array_agg(w.source_id || ' ' || w.product_id) AS r, array_agg(w.score) AS s
                  FROM weighed AS w WHERE w.is_single) AS i
         CROSS JOIN LATERAL matching.assign(i.l, i.r, i.s) AS a
        UNION ALL
        (SELECT DISTINCT ON (w.item) w.item, w.product_id FROM weighed AS w WHERE NOT w.is_single ORDER BY w.item, w.score DESC, w.product_id)
    )
    SELECT w.item, CASE WHEN d.is_match THEN w.product_id END, CASE WHEN d.is_match THEN 'matched' ELSE 'review' END, w.method, w.score, w.evidence,
           CASE WHEN NOT d.is_match THEN w.product_id END
      FROM assigned AS a
      JOIN weighed AS w ON w.item = a.item AND w.product_id = a.product_id
      JOIN matching._bands(ARRAY(SELECT x.product_id FROM assigned AS x)) AS b ON b.product_id = w.product_id
     CROSS JOIN LATERAL (SELECT w.is_sufficient AND w.score >= b.merge_at AS is_match) AS d
     WHERE w.score >= b.review_at;
END
$$;
COMMENT ON FUNCTION matching._decide(matching.offer[], neanelu.prod_match_keys[]) IS
    'The golden record that each record is (matched), or may be (review); nothing for those that are new. Records of a source that has each product once '
    'get different ones. Writes nothing, takes no locks. Raises: nothing of its own';

CREATE FUNCTION matching._candidates_within(p_keys neanelu.prod_match_keys[], p_items integer[]) RETURNS TABLE (item integer, other integer)
LANGUAGE sql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, pg_temp
AS $$
    WITH term AS MATERIALIZED (
        SELECT t.item, t.token, CASE WHEN t.weight = 0 THEN 1000 ELSE t.weight * t.rarity * t.rarity END AS gain, count(*) OVER (PARTITION BY t.token) AS found
          FROM matching._terms(p_keys, p_items) AS t
    ), ranked AS (
        SELECT a.item, b.item AS other, row_number() OVER (PARTITION BY a.item ORDER BY sum(a.gain) DESC, b.item) AS place
          FROM term AS a
          JOIN term AS b ON b.token = a.token AND b.item <> a.item
         WHERE a.found <= greatest(5, 0.02 * cardinality(p_items)) OR a.gain = 1000
         GROUP BY a.item, b.item
    )
    SELECT r.item, r.other FROM ranked AS r WHERE r.place <= 5
$$;
COMMENT ON FUNCTION matching._candidates_within(neanelu.prod_match_keys[], integer[]) IS
    'Which of some records may be the same product as which others of them, by their rare tokens. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._weigh_within(p_pairs matching.pair[], p_others integer[], p_sources uuid[], p_margin double precision)
RETURNS TABLE (item integer, other integer, is_sufficient boolean, score double precision, method text, evidence jsonb)
LANGUAGE sql IMMUTABLE STRICT ROWS 500
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH pair AS MATERIALIZED (
        SELECT DISTINCT ON (greatest(p.item, o), least(p.item, o))
               greatest(p.item, o) AS item, least(p.item, o) AS other, p.log_odds, p.is_sufficient, p.method, p.evidence
          FROM ROWS FROM (unnest(p_pairs), unnest(p_others)) AS p (item, product_id, cosine, log_odds, method, is_sufficient, evidence, o)
         ORDER BY greatest(p.item, o), least(p.item, o), p.log_odds DESC
    ), side AS (
        SELECT d.item, d.other, d.log_odds, row_number() OVER w AS place, lead(d.log_odds) OVER w AS next, first_value(d.log_odds) OVER w AS best
          FROM (SELECT p.item, p.other, p.log_odds FROM pair AS p UNION ALL SELECT p.other, p.item, p.log_odds FROM pair AS p) AS d
        WINDOW w AS (PARTITION BY d.item, p_sources[d.other] ORDER BY d.log_odds DESC, d.other)
    ), ahead AS (
        SELECT least(s.item, s.other) AS low, greatest(s.item, s.other) AS high,
               greatest(-3, least(3, min(s.log_odds - greatest(-5, CASE WHEN s.place = 1 THEN coalesce(s.next, -5) ELSE s.best END)))) AS margin
          FROM side AS s GROUP BY 1, 2
    )
    SELECT p.item, p.other, p.is_sufficient AND (a.margin >= 1 OR p.evidence ?| '{gtin,mpn}'), matching._probability(p.log_odds + p_margin * a.margin),
           p.method, p.evidence || jsonb_build_object('margin', round(a.margin::numeric, 3))
      FROM pair AS p JOIN ahead AS a ON a.high = p.item AND a.low = p.other
$$;
COMMENT ON FUNCTION matching._weigh_within(matching.pair[], integer[], uuid[], double precision) IS
    'Scores of pairs of new records in the light of the others: how far a pair is ahead of the next best of either side from the same source. Copies of one '
    'product from several sources are no rivals. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._pairs_within(p_records matching.offer[], p_keys neanelu.prod_match_keys[], p_items integer[])
RETURNS TABLE (item integer, other integer, is_match boolean, score double precision, method text, evidence jsonb)
LANGUAGE plpgsql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_left   integer[];
    v_right  integer[];
    v_pairs  matching.pair[];
    v_others integer[];
BEGIN
    SELECT array_agg(c.item), array_agg(c.other) INTO v_left, v_right
      FROM matching._candidates_within(p_keys, p_items) AS c
     WHERE NOT ((p_records[c.item]).is_one_to_one AND (p_records[c.item]).source_id = (p_records[c.other]).source_id);
    SELECT array_agg(p ORDER BY p.item, p.product_id), array_agg(o.item ORDER BY p.item, p.product_id) INTO v_pairs, v_others
      FROM matching._score(p_keys, p_keys, v_left, v_right) AS p
      JOIN (SELECT (p_keys[i]).product_id AS id, i AS item FROM unnest(p_items) AS i) AS o ON o.id = p.product_id;
    RETURN QUERY
    SELECT w.item, w.other, w.is_sufficient AND w.score >= t.merge_at, w.score, w.method, w.evidence
      FROM matching._weigh_within(v_pairs, v_others, ARRAY(SELECT (p_records[i]).source_id FROM generate_subscripts(p_records, 1) AS i),
                                  (SELECT m.weight FROM prod_match_weights AS m WHERE m.evidence = 'margin')::double precision) AS w
      JOIN prod_match_thresholds AS t ON t.model = 'evidence/1' AND t.taxonomy_id IS NULL
     WHERE w.score >= t.review_at
     ORDER BY w.score DESC, w.item, w.other;
END
$$;
COMMENT ON FUNCTION matching._pairs_within(matching.offer[], neanelu.prod_match_keys[], integer[]) IS
    'Pairs among new records that are, or may be, the same product, best first. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._leaders(p_records matching.offer[], p_items integer[], p_left integer[], p_right integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, matching, pg_temp
AS $$
DECLARE
    v_leader integer[] := ARRAY(SELECT i FROM generate_series(1, cardinality(p_records)) AS i);
    v_from integer;
    v_to   integer;
BEGIN
    FOR v_pair IN 1 .. coalesce(cardinality(p_left), 0) LOOP
        v_from := greatest(v_leader[p_left[v_pair]], v_leader[p_right[v_pair]]);
        v_to := least(v_leader[p_left[v_pair]], v_leader[p_right[v_pair]]);
        -- Not two products of a source that has each once, also not by way of a third.
        CONTINUE WHEN v_from = v_to OR EXISTS (
            SELECT FROM unnest(p_items) AS a, unnest(p_items) AS b
             WHERE v_leader[a] = v_from AND v_leader[b] = v_to
               AND (p_records[a]).source_id = (p_records[b]).source_id AND (p_records[a]).is_one_to_one);
        FOR v_i IN 1 .. cardinality(v_leader) LOOP
            IF v_leader[v_i] = v_from THEN
                v_leader[v_i] := v_to;
            END IF;
        END LOOP;
    END LOOP;
    RETURN v_leader;
END
$$;
COMMENT ON FUNCTION matching._leaders(matching.offer[], integer[], integer[], integer[]) IS
    'Groups records by pairs that are the same product, taken in order: for each record the place of the first of its group. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._count_members(p_cluster_ids uuid[]) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    UPDATE prod_dedupe_clusters AS c
       SET member_count = n.members, confidence_score = n.confidence, updated_at = now()
      FROM (SELECT m.cluster_id, count(*) AS members, round(avg(m.similarity_score) FILTER (WHERE NOT m.is_canonical), 2) AS confidence
              FROM prod_dedupe_cluster_members AS m WHERE m.cluster_id = ANY (p_cluster_ids) GROUP BY m.cluster_id) AS n
     WHERE c.id = n.cluster_id AND (c.member_count <> n.members OR c.confidence_score IS DISTINCT FROM n.confidence)
$$;
COMMENT ON FUNCTION matching._count_members(uuid[]) IS
    'Counts the members of clusters, and their mean similarity. Idempotent. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._group(p_records matching.offer[], p_keys neanelu.prod_match_keys[], p_decisions matching.decision[])
RETURNS SETOF matching.decision
LANGUAGE plpgsql VOLATILE STRICT ROWS 500
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_items  constant integer[] := ARRAY(SELECT i FROM generate_series(1, cardinality(p_records)) AS i
                                         EXCEPT SELECT d.item FROM unnest(p_decisions) AS d WHERE d.decision = 'matched' ORDER BY 1);
    v_left   integer[];
    v_right  integer[];
    v_pairs  jsonb;
    v_leader integer[];
    v_ids    uuid[];
BEGIN
    SELECT array_agg(p.item) FILTER (WHERE p.is_match), array_agg(p.other) FILTER (WHERE p.is_match), jsonb_agg(p)
      INTO v_left, v_right, v_pairs
      FROM matching._pairs_within(p_records, p_keys, v_items) AS p;
    v_leader := matching._leaders(p_records, v_items, v_left, v_right);
    v_ids := ARRAY(SELECT CASE WHEN v_leader[i] = i THEN uuidv7() END FROM generate_series(1, cardinality(p_records)) AS i ORDER BY i);
    RETURN QUERY
    SELECT DISTINCT ON (i) i, v_ids[v_leader[i]],
           CASE WHEN v_leader[i] <> i THEN 'matched' WHEN d.review_of IS NOT NULL OR b.item IS NOT NULL THEN 'review' ELSE 'created' END,
           CASE WHEN v_leader[i] <> i THEN coalesce(b.method, 'none') ELSE coalesce(d.method, b.method, 'none') END,
           CASE WHEN v_leader[i] <> i THEN coalesce(b.score, 0) ELSE coalesce(d.score, b.score, 0) END,
           CASE WHEN v_leader[i] <> i THEN coalesce(b.evidence, '{}') ELSE coalesce(d.evidence, b.evidence, '{}') END,
           CASE WHEN v_leader[i] = i THEN coalesce(d.review_of, v_ids[v_leader[b.other]]) END
      FROM unnest(v_items) AS i
      LEFT JOIN unnest(p_decisions) AS d ON d.item = i AND d.decision = 'review'
      LEFT JOIN jsonb_to_recordset(v_pairs) AS b (item integer, other integer, score double precision, method text, evidence jsonb)
        ON b.item = i AND (v_leader[b.other] = v_leader[i]) = (v_leader[i] <> i)
     ORDER BY i, b.score DESC;
END
$$;
COMMENT ON FUNCTION matching._group(matching.offer[], neanelu.prod_match_keys[], matching.decision[]) IS
    'Golden records to be made for the records that have none: one for all that are the same product, with a new id. Those that may be the same as '
    'another, old or new, are for review. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._create(p_records matching.offer[], p_keys neanelu.prod_match_keys[], p_decisions matching.decision[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
BEGIN
    WITH new AS (
        SELECT d.product_id, (p_records[d.item]).*
          FROM unnest(p_decisions) AS d
         WHERE d.decision IN ('created', 'review')
    )
    INSERT INTO prod_master (id, internal_sku, canonical_title, brand, manufacturer, mpn, gtin, primary_source_id)
    SELECT n.product_id,
           CASE WHEN n.target_sku IS NOT NULL AND row_number() OVER (PARTITION BY n.target_sku ORDER BY n.product_id) = 1
                     AND NOT EXISTS (SELECT FROM prod_master AS m WHERE m.internal_sku = n.target_sku)
                THEN n.target_sku ELSE 'N-' || upper(replace(n.product_id::text, '-', '')) END,
           coalesce(n.title, n.gtin, n.mpn), left(n.brand, 255), left(n.manufacturer, 255), left(n.mpn, 100), n.gtin, n.source_id
      FROM new AS n;
    PERFORM matching._put_keys(ARRAY(
        SELECT jsonb_populate_record(p_keys[d.item], jsonb_build_object('product_id', d.product_id))
          FROM unnest(p_decisions) AS d WHERE d.decision IN ('created', 'review')));
END
$$;
COMMENT ON FUNCTION matching._create(matching.offer[], neanelu.prod_match_keys[], matching.decision[]) IS
    'Makes the golden records that were decided to be made, and what they are found by. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching._link(p_records matching.offer[], p_keys neanelu.prod_match_keys[], p_decisions matching.decision[]) RETURNS void
LANGUAGE sql VOLATILE STRICT
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
    WITH link AS (
        INSERT INTO prod_match_links (source_id, source_key, product_id, session_id, decision, method, score, gtin, mpn, model)
        SELECT (p_records[d.item]).source_id, (p_records[d.item]).source_key, d.product_id, (p_records[d.item]).session_id, d.decision, d.method,
               round(d.score::numeric, 4), (p_records[d.item]).gtin, left((p_keys[d.item]).mpns[1], 100),
               left(matching._model_number((p_records[d.item]).model), 100)
          FROM unnest(p_decisions) AS d
    ), shop AS (
        INSERT INTO prod_channel_mappings AS c (product_id, channel, shop_id, external_id, sync_status, last_pulled_at)
        SELECT d.product_id, 'shopify', (p_records[d.item]).shop_id, (p_records[d.item]).source_key, 'synced', now()
          FROM unnest(p_decisions) AS d WHERE (p_records[d.item]).shop_id IS NOT NULL
        ON CONFLICT (channel, shop_id, external_id) DO UPDATE SET product_id = excluded.product_id, last_pulled_at = excluded.last_pulled_at, updated_at = now()
    )
    INSERT INTO prod_similarity_matches (product_id, source_id, source_url, source_product_id, source_gtin, source_title, source_brand, source_price, source_currency,
                                         similarity_score, match_method, match_confidence, match_details, extraction_session_id, scraped_at)
    SELECT coalesce(d.review_of, d.product_id), r.source_id, h.source_url, h.source_product_id, r.gtin, r.title, left(r.brand, 255), r.price, r.currency,
           round(d.score::numeric, 4), d.method, CASE WHEN d.decision = 'review' THEN 'pending' ELSE 'confirmed' END,
           jsonb_build_object('scores', d.evidence, 'model', 'evidence/1', 'decided_for', d.product_id,
                              'conflicts', ARRAY(SELECT e.key FROM jsonb_each(d.evidence) AS e JOIN prod_match_weights AS w ON w.evidence = e.key AND w.weight < 0 AND e.key <> 'base')),
           r.session_id, h.fetched_at
      FROM unnest(p_decisions) AS d
     CROSS JOIN LATERAL (SELECT (p_records[d.item]).*) AS r
      JOIN prod_extraction_sessions AS s ON s.id = r.session_id
      JOIN prod_raw_harvest AS h ON h.id = s.harvest_id AND h.fetched_at = s.harvest_fetched_at
     WHERE d.decision IN ('matched', 'review') AND d.method <> 'none'
$$;
COMMENT ON FUNCTION matching._link(matching.offer[], neanelu.prod_match_keys[], matching.decision[]) IS
    'Writes which golden record each product of a source is, for a shop''s products also as channel mapping, and the evidence as similarity match. '
    'Locks: the rows. Raises: 23505 of prod_match_links_pkey when somebody else linked the same product without matching._lock_records';

CREATE FUNCTION matching._match(p_records matching.offer[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_records   offer[] := p_records;
    v_keys      prod_match_keys[] := ARRAY(SELECT k FROM matching._record_keys(p_records) AS k);
    v_decisions decision[];
BEGIN
    PERFORM matching._lock_records(v_records, v_keys);
    -- What somebody else linked while we waited is not matched again.
    v_records := ARRAY(SELECT r FROM unnest(p_records) AS r
                        WHERE NOT EXISTS (SELECT FROM prod_match_links AS l WHERE l.source_id = r.source_id AND l.source_key = r.source_key)
                        ORDER BY r.session_id);
    IF cardinality(v_records) = 0 THEN
        RETURN;
    ELSIF cardinality(v_records) < cardinality(p_records) THEN
        v_keys := ARRAY(SELECT k FROM unnest(v_keys) AS k WHERE k.product_id = ANY (ARRAY(SELECT r.session_id FROM unnest(v_records) AS r)) ORDER BY k.product_id);
    END IF;
    v_decisions := ARRAY(SELECT d FROM matching._decide(v_records, v_keys) AS d);
    v_decisions := ARRAY(SELECT d FROM unnest(v_decisions) AS d WHERE d.decision = 'matched'
                         UNION ALL SELECT d FROM matching._group(v_records, v_keys, v_decisions) AS d);
    PERFORM matching._create(v_records, v_keys, v_decisions);
    PERFORM matching._link(v_records, v_keys, v_decisions);
    PERFORM matching._suggest(v_decisions);
    PERFORM matching._add_numbers(ARRAY(SELECT d.product_id FROM unnest(v_decisions) AS d WHERE d.decision = 'matched'));
    -- Among few golden records each one makes a difference.
    PERFORM matching.fold_terms(CASE WHEN coalesce((SELECT t.document_count FROM prod_match_terms AS t WHERE t.term = ''), 0) < 5000 THEN 1 ELSE 5000 END);
END
$$;
COMMENT ON FUNCTION matching._match(matching.offer[]) IS
    'Finds or makes the golden records of products of sources, in the order of session_id. Idempotent. Locks: as matching._lock_records. Raises: nothing of its own';

CREATE FUNCTION matching._record_keys(p_records matching.offer[]) RETURNS SETOF neanelu.prod_match_keys
LANGUAGE sql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
    SELECT i
      FROM (SELECT array_agg(r.session_id ORDER BY r.session_id) AS ids, array_agg(r.title ORDER BY r.session_id) AS titles,
                   array_agg(coalesce(r.brand, r.manufacturer) ORDER BY r.session_id) AS brands,
                   array_agg(concat_ws('|', coalesce(normalise.mpn(r.mpn), ''), matching._model_number(r.model)) ORDER BY r.session_id) AS mpns,
                   array_agg(r.gtin ORDER BY r.session_id) AS gtins, array_agg(r.further ORDER BY r.session_id) AS further,
                   array_agg(r.price ORDER BY r.session_id) AS prices, array_agg(r.currency ORDER BY r.session_id) AS currencies
              FROM unnest(p_records) AS r) AS l
     CROSS JOIN LATERAL matching._items(l.ids, l.titles, l.brands, l.mpns, l.gtins, l.further, l.prices, l.currencies) AS i
$$;
COMMENT ON FUNCTION matching._record_keys(matching.offer[]) IS
    'What records are compared by, in the order of session_id, which stands in product_id. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._add_numbers(p_product_ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_richer constant uuid[] := ARRAY(
        SELECT k.product_id
          FROM prod_match_keys AS k
         WHERE k.product_id = ANY (p_product_ids)
           AND EXISTS (SELECT FROM prod_match_links AS l
                        WHERE l.product_id = k.product_id AND (l.gtin <> ALL (k.gtins) OR l.mpn <> ALL (k.mpns) OR lower(l.model) <> ALL (k.codes))));
BEGIN
    IF v_richer <> '{}' THEN
        PERFORM matching.refresh_keys(v_richer);
    END IF;
END
$$;
COMMENT ON FUNCTION matching._add_numbers(uuid[]) IS
    'Golden records are found by numbers that a newly linked source says, too. Idempotent. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching._suggest(p_decisions matching.decision[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_clusters uuid[];
BEGIN
    SELECT matching._suggest_pairs(array_agg(d.review_of), array_agg(d.product_id), array_agg(d.score), array_agg(d.evidence)) INTO v_clusters
      FROM unnest(p_decisions) AS d WHERE d.decision = 'review' AND d.review_of IS NOT NULL;
    PERFORM matching._count_members(v_clusters);
END
$$;
COMMENT ON FUNCTION matching._suggest(matching.decision[]) IS 'Asks people about the decisions that are for review. As matching._suggest_pairs';

CREATE FUNCTION matching._suggest_pairs(p_old uuid[], p_new uuid[], p_scores double precision[], p_evidence jsonb[]) RETURNS uuid[]
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH pair AS (
        SELECT u.old, u.new, round(u.score::numeric, 4) AS score, u.evidence FROM unnest(p_old, p_new, p_scores, p_evidence) AS u (old, new, score, evidence)
    ), open AS (
        SELECT DISTINCT ON (c.canonical_product_id) c.id, c.canonical_product_id
          FROM prod_dedupe_clusters AS c
         WHERE c.canonical_product_id IN (SELECT p.old FROM pair AS p) AND c.status = 'pending'
         ORDER BY c.canonical_product_id, c.id
    ), made AS (
        INSERT INTO prod_dedupe_clusters (cluster_type, match_criteria, canonical_product_id, member_count, confidence_score)
        SELECT CASE WHEN bool_or(p.evidence ?| '{gtin,mpn}') THEN 'EXACT_MATCH' WHEN bool_or(p.evidence ? 'vector') THEN 'SEMANTIC' ELSE 'FUZZY' END,
               jsonb_build_object('model', 'evidence/1', 'score', max(p.score)), p.old, 1, round(max(p.score), 2)
          FROM pair AS p
         WHERE NOT EXISTS (SELECT FROM open AS o WHERE o.canonical_product_id = p.old)
         GROUP BY p.old
        RETURNING id, canonical_product_id
    ), cluster AS (
        SELECT * FROM open UNION ALL SELECT * FROM made
    ), canonical AS (
        INSERT INTO prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, match_fields, is_canonical)
        SELECT m.id, m.canonical_product_id, 1, '{}', true FROM made AS m
    ), member AS (
        INSERT INTO prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, match_fields)
        SELECT DISTINCT ON (c.id, p.new) c.id, p.new, p.score, p.evidence FROM pair AS p JOIN cluster AS c ON c.canonical_product_id = p.old
         ORDER BY c.id, p.new, p.score DESC
        ON CONFLICT (cluster_id, product_id) DO NOTHING
        RETURNING cluster_id
    )
    SELECT array_agg(DISTINCT m.cluster_id) FROM member AS m
$$;
COMMENT ON FUNCTION matching._suggest_pairs(uuid[], uuid[], double precision[], jsonb[]) IS
    'Puts pairs of golden records that may be one product into pending clusters: the one that is open for the first of the pair, else a new one. '
    'Returns the clusters that grew, to be counted. Idempotent. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching.find_links(p_session_ids uuid[])
RETURNS TABLE (session_id uuid, product_id uuid, decision text, score numeric, method text)
LANGUAGE sql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, pg_temp
AS $$
    -- From the readings to the links, whatever the statistics say: a plan from the links to the readings reads a source's documents for each link.
    WITH reading AS MATERIALIZED (
        SELECT s.id, h.source_id, matching._source_key(h.source_product_id, h.source_url) AS source_key
          FROM prod_extraction_sessions AS s
          JOIN prod_raw_harvest AS h ON h.id = s.harvest_id AND h.fetched_at = s.harvest_fetched_at
         WHERE s.id = ANY (p_session_ids)
    )
    SELECT r.id, l.product_id, l.decision::text, l.score, l.method::text
      FROM reading AS r
      JOIN prod_match_links AS l ON l.source_id = r.source_id AND l.source_key = r.source_key
$$;
COMMENT ON FUNCTION matching.find_links(uuid[]) IS
    'The golden records of readings whose products were matched before, and how. Writes nothing, takes no locks. Raises: nothing';

-- Plans with the records as constants would take longer to make than to run, and lists of records could not be read by place.
CREATE FUNCTION matching.match_sessions(p_session_ids uuid[])
RETURNS TABLE (session_id uuid, product_id uuid, decision text, score numeric, method text)
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER ROWS 500
SET search_path = neanelu, matching, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_records constant offer[] := ARRAY(SELECT r FROM matching._records(p_session_ids) AS r ORDER BY r.session_id);
BEGIN
    PERFORM matching._match(ARRAY(
        SELECT r FROM unnest(v_records) AS r
         WHERE NOT EXISTS (SELECT FROM prod_match_links AS l WHERE l.source_id = r.source_id AND l.source_key = r.source_key)
         ORDER BY r.session_id));
    UPDATE prod_match_links AS l
       SET session_id = r.session_id, gtin = coalesce(r.gtin, l.gtin), updated_at = now()
      FROM unnest(v_records) AS r
     WHERE l.source_id = r.source_id AND l.source_key = r.source_key AND l.session_id IS DISTINCT FROM r.session_id
       AND (l.session_id IS NULL OR l.session_id < r.session_id);
    RETURN QUERY SELECT * FROM matching.find_links(p_session_ids);
END
$$;
COMMENT ON FUNCTION matching.match_sessions(uuid[]) IS
    'Gives each reading its golden record: the one its product is linked with; else the one that the evidence says it is (matched); else a new one (created), '
    'and when it may be another, people are asked (review: a pending cluster and a similarity match). Readings that name no product, or failed, are left out. '
    'Idempotent: a product of a source keeps its golden record. Two calls with the same new product wait for each other. '
    'Locks: of 128 advisory locks those that the records'' numbers and titles fall on, until the transaction ends. Raises: nothing of its own';

GRANT EXECUTE ON FUNCTION matching.match_sessions(uuid[]) TO neanelu_worker, neanelu_ai, neanelu_harvester, neanelu_operator;

COMMIT;

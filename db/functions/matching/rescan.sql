-- Deploy neanelu:functions/matching/rescan to pg
-- requires: functions/matching/calibrate
-- requires: functions/search/similar
-- Golden records that changed are compared with the others again, and those that got a vector with their neighbours, too.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._changed_products(p_limit integer) RETURNS uuid[]
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(array_agg(c.id), '{}')
      FROM (SELECT m.id
              FROM prod_master AS m
              LEFT JOIN prod_match_keys AS k ON k.product_id = m.id
             WHERE m.dedupe_status <> 'duplicate' AND (k.product_id IS NULL OR m.updated_at > k.made_from)
             ORDER BY m.updated_at LIMIT p_limit) AS c
$$;
COMMENT ON FUNCTION matching._changed_products(integer) IS
    'Golden records that changed since it was noted what they are found by, the longest waiting first. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching.tg_prod_embeddings__note() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    INSERT INTO prod_match_arrivals (product_id)
    SELECT DISTINCT n.product_id
      FROM new_rows AS n JOIN embedding_models AS m ON m.name = n.model_version AND m.is_default
     WHERE n.embedding_type = 'combined'
     ORDER BY n.product_id
    ON CONFLICT (product_id) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION matching.tg_prod_embeddings__note() IS
    'Trigger on prod_embeddings: whose new vectors of the model in use are to be compared. Idempotent. Locks: rows of prod_match_arrivals. Raises: nothing';
CREATE TRIGGER tg_prod_embeddings__note_insert AFTER INSERT ON neanelu.prod_embeddings
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION matching.tg_prod_embeddings__note();
CREATE TRIGGER tg_prod_embeddings__note_update AFTER UPDATE ON neanelu.prod_embeddings
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION matching.tg_prod_embeddings__note();

CREATE FUNCTION matching._take_arrivals(p_limit integer) RETURNS uuid[]
LANGUAGE sql VOLATILE STRICT
SET search_path = neanelu, pg_temp
AS $$
    WITH taken AS (
        DELETE FROM prod_match_arrivals AS a
         WHERE a.product_id IN (SELECT x.product_id FROM prod_match_arrivals AS x ORDER BY x.arrived_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING a.product_id
    )
    SELECT coalesce(array_agg(t.product_id), '{}') FROM taken AS t
$$;
COMMENT ON FUNCTION matching._take_arrivals(integer) IS
    'Takes golden records that got a vector off the list, the longest waiting first; they stand on it again when the transaction fails. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._neighbours(p_product_ids uuid[], p_limit integer) RETURNS TABLE (product_id uuid, other_id uuid)
LANGUAGE sql STABLE STRICT ROWS 1000
SET search_path = neanelu, ai, extensions, pg_temp
AS $$
    SELECT e.product_id, n.product_id
      FROM embedding_models AS m
      JOIN prod_embeddings AS e ON e.model_version = m.name AND e.embedding_type = 'combined'
     CROSS JOIN LATERAL ai._nearest(m, NULL, 'combined', e.embedding, p_limit + 1) AS n
     WHERE m.is_default AND e.product_id = ANY (p_product_ids) AND n.product_id <> e.product_id AND n.distance < 0.4
$$;
COMMENT ON FUNCTION matching._neighbours(uuid[], integer) IS
    'Golden records whose vectors are so near those of some that it speaks for them, at most p_limit each, by the model in use. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._vector_distance(p_a uuid, p_b uuid) RETURNS double precision
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, extensions, pg_temp
AS $$
    SELECT min(a.embedding <=> b.embedding)
      FROM prod_embeddings AS a
      JOIN prod_embeddings AS b ON b.model_version = a.model_version AND b.embedding_type = a.embedding_type
     WHERE a.product_id = p_a AND b.product_id = p_b AND a.embedding_type IN ('title', 'combined')
$$;
COMMENT ON FUNCTION matching._vector_distance(uuid, uuid) IS
    'Cosine distance of two golden records'' vectors of one model, null where they have none in common. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._with_vectors(p_pairs matching.pair[], p_keys neanelu.prod_match_keys[]) RETURNS SETOF matching.pair
LANGUAGE sql STABLE STRICT ROWS 500
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT p.item, p.product_id, p.cosine, p.log_odds + coalesce(w.weight * v.strength, 0), p.method, p.is_sufficient,
           p.evidence || CASE WHEN v.strength IS NULL THEN '{}' ELSE jsonb_build_object('vector', round(v.strength::numeric, 4)) END
      FROM unnest(p_pairs) AS p
     CROSS JOIN LATERAL (SELECT greatest(-0.4, 0.4 - matching._vector_distance((p_keys[p.item]).product_id, p.product_id)) AS strength) AS v
     CROSS JOIN (SELECT m.weight FROM prod_match_weights AS m WHERE m.evidence = 'vector') AS w
$$;
COMMENT ON FUNCTION matching._with_vectors(matching.pair[], neanelu.prod_match_keys[]) IS
    'Pairs of golden records with the evidence of their vectors, where both have some of one model. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._may_be_one(p_a uuid, p_b uuid) RETURNS boolean
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT NOT matching._are_never_one(p_a, p_b)
       AND NOT EXISTS (SELECT FROM prod_match_links AS a
                         JOIN prod_match_links AS b ON b.source_id = a.source_id AND b.product_id = p_b
                         JOIN prod_sources AS s ON s.id = a.source_id
                        WHERE a.product_id = p_a AND coalesce((s.config ->> 'one_to_one')::boolean, s.source_type = 'SHOPIFY'))
       AND NOT EXISTS (SELECT FROM prod_dedupe_cluster_members AS a
                         JOIN prod_dedupe_cluster_members AS b ON b.cluster_id = a.cluster_id AND b.product_id = p_b
                         JOIN prod_dedupe_clusters AS c ON c.id = a.cluster_id
                        WHERE a.product_id = p_a AND c.status IN ('pending', 'rejected'))
$$;
COMMENT ON FUNCTION matching._may_be_one(uuid, uuid) IS
    'Whether it is still open that two golden records are one product: nobody said otherwise, nobody is asked already, and no source that has each product once has '
    'both. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._compare_products(p_product_ids uuid[], p_near_to uuid[], p_near uuid[]) RETURNS TABLE (product_id uuid, other_id uuid, is_match boolean, score double precision, evidence jsonb)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_keys   constant prod_match_keys[] := ARRAY(SELECT k FROM prod_match_keys AS k WHERE k.product_id = ANY (p_product_ids) ORDER BY k.product_id);
    v_ids    constant uuid[] := ARRAY(SELECT (k).product_id FROM unnest(v_keys) AS k);
    v_places integer[];
    v_others uuid[];
    v_pairs  matching.pair[];
BEGIN
    SELECT array_agg(c.item), array_agg(c.product_id) INTO v_places, v_others
      FROM (SELECT w.item, w.product_id FROM matching._candidates(v_keys, 10) AS w
            UNION
            SELECT array_position(v_ids, n.id), n.near FROM unnest(p_near_to, p_near) AS n (id, near) WHERE n.id = ANY (v_ids)) AS c;
    v_pairs := ARRAY(SELECT p FROM matching._compare_with(v_keys, v_places, v_others) AS p);
    v_pairs := ARRAY(SELECT p FROM matching._with_vectors(v_pairs, v_keys) AS p);
    RETURN QUERY
    SELECT DISTINCT ON (least((v_keys[w.item]).product_id, w.product_id), greatest((v_keys[w.item]).product_id, w.product_id))
           least((v_keys[w.item]).product_id, w.product_id), greatest((v_keys[w.item]).product_id, w.product_id),
           w.is_sufficient AND w.score >= b.merge_at, w.score, w.evidence
      FROM matching._weigh(v_pairs, array_fill(false, ARRAY[cardinality(v_keys)]),
                           (SELECT m.weight FROM prod_match_weights AS m WHERE m.evidence = 'margin')::double precision) AS w
      JOIN matching._bands(ARRAY(SELECT p.product_id FROM unnest(v_pairs) AS p)) AS b ON b.product_id = w.product_id
     WHERE w.score >= b.review_at AND matching._may_be_one((v_keys[w.item]).product_id, w.product_id)
     ORDER BY 1, 2, w.score DESC;
END
$$;
COMMENT ON FUNCTION matching._compare_products(uuid[], uuid[], uuid[]) IS
    'Golden records that are, or may be, the same product as one of those given: of its candidates by words, codes and numbers, and of those that p_near has for '
    'it beside p_near_to. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._may_merge(p_cluster_id uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT count(*) = 2 FROM prod_dedupe_cluster_members AS m WHERE m.cluster_id = p_cluster_id
$$;
COMMENT ON FUNCTION matching._may_merge(uuid) IS
    'Whether a cluster has only the pair in it that is being merged: others wait for people. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching.rescan(p_limit integer DEFAULT 500) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_products uuid[];
    v_changed  uuid[];
    v_arrived  uuid[];
    v_near_to  uuid[];
    v_near     uuid[];
    v_pair     record;
    v_clusters uuid[];
    v_merged   integer := 0;
    v_asked    integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('matching.rescan', 0)) THEN
        RETURN NULL;
    END IF;
    v_products := matching._changed_products(p_limit);
    v_arrived := matching._take_arrivals(p_limit);
    -- While nobody has to wait yet.
    SELECT array_agg(n.product_id), array_agg(n.other_id) INTO v_near_to, v_near FROM matching._neighbours(v_arrived, 10) AS n;
    PERFORM matching._lock(ARRAY(SELECT i::text FROM generate_series(1, 2000) AS i));
    v_changed := ARRAY(
        SELECT n.product_id FROM matching._master_keys(v_products) AS n
          LEFT JOIN prod_match_keys AS k ON k.product_id = n.product_id
         WHERE k.product_id IS NULL OR NOT (k.tokens @> n.tokens AND k.tokens <@ n.tokens));
    PERFORM matching.refresh_keys(v_products);
    v_changed := ARRAY(SELECT unnest(v_changed) UNION SELECT unnest(v_arrived));
    FOR v_pair IN SELECT * FROM matching._compare_products(v_changed, v_near_to, v_near) AS c ORDER BY c.score DESC, c.product_id, c.other_id LOOP
        -- What an earlier pair of this run merged is no candidate any more.
        CONTINUE WHEN EXISTS (SELECT FROM prod_master AS m WHERE m.id IN (v_pair.product_id, v_pair.other_id) AND m.dedupe_status = 'duplicate');
        SELECT matching._suggest_pairs(ARRAY[v_pair.product_id], ARRAY[v_pair.other_id], ARRAY[v_pair.score], ARRAY[v_pair.evidence]) INTO v_clusters;
        PERFORM matching._count_members(v_clusters);
        v_asked := v_asked + 1;
        IF v_pair.is_match AND matching._may_merge(v_clusters[1]) THEN
            PERFORM matching.merge(v_clusters[1], NULL, NULL, 'rescan');
            v_merged := v_merged + 1;
        END IF;
    END LOOP;
    PERFORM matching.fold_terms();
    RETURN jsonb_build_object('products', cardinality(v_products), 'arrived', cardinality(v_arrived), 'compared', cardinality(v_changed), 'pairs', v_asked, 'merged', v_merged);
END
$$;
COMMENT ON FUNCTION matching.rescan(integer) IS
    'Compares golden records that changed in what they are found by (of those that changed at all, at most p_limit) with all others, and those that got a '
    'vector (at most p_limit) with their neighbours, too: those that are the same without doubt are merged, those that may be are put into '
    'pending clusters. Returns counts, null when somebody else is at it. Idempotent. Locks: all of matching''s advisory locks, until the transaction ends; merged '
    'products. Raises: nothing of its own';

GRANT EXECUTE ON FUNCTION matching.rescan(integer) TO neanelu_worker, neanelu_operator;

COMMIT;

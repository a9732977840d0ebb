-- Deploy neanelu:functions/normalise/names to pg
-- requires: functions/normalise/values
-- Which attribute a name means: by code, synonym, folded text, the meaning and likeness of its words, vectors, and by what its values
-- look like.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise.setting(p_name text) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT s.value FROM normalise_settings AS s WHERE s.name = p_name
$$;
COMMENT ON FUNCTION normalise.setting(text) IS 'A threshold or weight of the mapping of names; null for no such one. Reads only.';

CREATE FUNCTION normalise._forms(p_word text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY[p_word] || CASE WHEN length(p_word) < 4 THEN '{}'::text[] ELSE ARRAY(
        SELECT left(p_word, length(p_word) - length(e.cut)) || e.put
          FROM (VALUES ('s', ''), ('es', ''), ('e', ''), ('n', ''), ('en', ''), ('er', ''), ('em', ''), ('a', ''), ('i', ''), ('ies', 'y'), ('x', ''), ('aux', 'al'),
                       ('ul', ''), ('ului', ''), ('lui', ''), ('le', ''), ('lor', ''), ('ilor', ''), ('uri', ''), ('a', 'e'), ('ei', 'a'), ('ei', 'e'), ('ii', 'ie'),
                       ('iei', 'ie'), ('ia', 'ie'), ('o', 'a'), ('a', 'o'), ('os', 'o'), ('as', 'o'), ('as', 'a'), ('e', 'a'), ('i', 'a'), ('te', ''), ('ing', ''), ('', 'e')) AS e (cut, put)
         WHERE right(p_word, length(e.cut)) = e.cut AND length(p_word) - length(e.cut) >= 3) END
$$;
COMMENT ON FUNCTION normalise._forms(text) IS 'A word and what it may be without its ending (plural, case, article) in five languages, likeliest first. Pure.';

CREATE FUNCTION normalise._compound(p_word text, p_depth integer DEFAULT 1) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_part record;
    v_rest text[];
BEGIN
    IF length(p_word) < 3 OR p_depth > 4 THEN
        RETURN NULL;
    END IF;
    -- The longest beginning that is a word, and whose rest is made of words too.
    FOR v_part IN
        SELECT DISTINCT ON (length(w.word), l.link) w.word, w.concept, l.link, substr(p_word, length(w.word) + length(l.link) + 1) AS rest
          FROM prod_attr_words AS w
          JOIN (VALUES (''), ('s'), ('n'), ('en'), ('es'), ('e'), ('er')) AS l (link) ON starts_with(p_word, w.word || l.link)
         WHERE w.word = ANY (ARRAY(SELECT left(p_word, n) FROM generate_series(3, length(p_word)) AS n)) AND w.locale IN ('de', 'en') AND w.concept <> ''
         ORDER BY length(w.word) DESC, l.link, (w.locale = 'de') DESC, w.concept
    LOOP
        IF v_part.rest = '' THEN
            RETURN string_to_array(v_part.concept, ' ');
        END IF;
        v_rest := normalise._compound(v_part.rest, p_depth + 1);
        IF v_rest IS NOT NULL THEN
            RETURN string_to_array(v_part.concept, ' ') || v_rest;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION normalise._compound(text, integer) IS
    'Concepts of a compound word, Bildschirmdiagonale; null unless all of it is made of known words. Reads only.';

CREATE FUNCTION normalise._compound_head(p_word text) RETURNS text[]
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT ARRAY[regexp_replace(left(p_word, -length(w.word)), '(?<=.{3})[sn]$', '')] || string_to_array(w.concept, ' ')
      FROM prod_attr_words AS w
     WHERE w.locale = 'de' AND w.concept <> '' AND w.word = ANY (ARRAY(SELECT right(p_word, n) FROM generate_series(4, length(p_word) - 3) AS n))
     ORDER BY length(w.word) DESC, w.concept LIMIT 1
$$;
COMMENT ON FUNCTION normalise._compound_head(text) IS
    'A German compound of which only the end is known, as what is before it and the concepts of the end: Wanderkartenmaßstab; null without. Reads only.';

CREATE FUNCTION normalise._name_unit(p_name text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT normalise.unit(coalesce(substring(p_name FROM '[\[(]([^\])]{1,20})[\])]\s*$'), substring(p_name FROM '(?i)\w,?\s+(?:in|în|en)\s+([^\s,()]{1,12})\s*$')))
$$;
COMMENT ON FUNCTION normalise._name_unit(text) IS 'The unit that a name ends with: Height (mm), Length in cm; null for none. Reads only.';

CREATE FUNCTION normalise._without_unit(p_name text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE WHEN b.inside IS NULL THEN CASE WHEN p_name ~* '\w,?\s+(in|în|en)\s+[^\s,()]{1,12}\s*$' AND normalise._name_unit(p_name) IS NOT NULL
                                                THEN regexp_replace(p_name, ',?\s+\S+\s+\S+\s*$', '') ELSE p_name END
                WHEN normalise.unit(b.inside) IS NOT NULL OR b.inside ~ '^\s*[[:alpha:]]{1,2}(\s*[xX×*/]\s*[[:alpha:]]{1,2})+\s*$' OR b.inside ~ '^[\s\W]*$'
                THEN regexp_replace(p_name, '[\[(][^\])]*[\])]\s*$', '') ELSE p_name END
      FROM (SELECT substring(p_name FROM '[\[(]([^\])]{0,20})[\])]\s*$') AS inside) AS b
$$;
COMMENT ON FUNCTION normalise._without_unit(text) IS
    'A name without the unit or the order of sides at its end: Height (mm), Size (WxDxH), Length in cm. Reads only.';

CREATE FUNCTION normalise.concepts(p_name text, p_locale text DEFAULT NULL) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_words text[] := string_to_array(normalise.name_key(normalise._without_unit(p_name)), ' ');
    v_found text[] := ARRAY[]::text[];
    v_forms text[];
    v_some text[];
    v_sizes integer[];
    v_hit record;
    v_at integer := 1;
BEGIN
    IF coalesce(v_words[1], '') = '' THEN
        v_words := string_to_array(normalise.name_key(p_name), ' ');
    END IF;
    WHILE v_at <= cardinality(v_words) LOOP
        v_forms := ARRAY[]::text[];
        v_sizes := ARRAY[]::integer[];
        FOR v_size IN REVERSE least(4, cardinality(v_words) - v_at + 1) .. 1 LOOP
            v_some := normalise._forms(array_to_string(v_words[v_at : v_at + v_size - 1], ' '));
            v_forms := v_forms || v_some;
            v_sizes := v_sizes || array_fill(v_size, ARRAY[cardinality(v_some)]);
        END LOOP;
        -- The longest phrase; as it stands before without its ending; in the name's own language, else in English.
        SELECT q.concept, q.size INTO v_hit
          FROM (SELECT w.concept, w.locale, w.word, v_sizes[array_position(v_forms, w.word::text)] AS size, array_position(v_forms, w.word::text) AS nth
                  FROM prod_attr_words AS w WHERE w.word = ANY (v_forms)) AS q
         ORDER BY q.size DESC, (q.word = array_to_string(v_words[v_at : v_at + q.size - 1], ' ')) DESC, (q.locale = left(p_locale, 2)) DESC NULLS LAST,
                  (q.locale = 'en') DESC, q.nth, q.concept = '' DESC, q.concept LIMIT 1;
        IF FOUND THEN
            v_found := v_found || string_to_array(v_hit.concept, ' ');
            v_at := v_at + v_hit.size;
        ELSE
            v_found := v_found || coalesce(CASE WHEN length(v_words[v_at]) >= 6 THEN normalise._compound(v_words[v_at]) END,
                                           CASE WHEN left(p_locale, 2) = 'de' THEN normalise._compound_head(v_words[v_at]) END,
                                           ARRAY[regexp_replace(v_words[v_at], '(?<=[[:alpha:]]{3})s$', '')]);
            v_at := v_at + 1;
        END IF;
    END LOOP;
    RETURN ARRAY(SELECT c FROM unnest(v_found) WITH ORDINALITY AS u (c, n) WHERE c <> '' GROUP BY c ORDER BY min(n));
END
$$;
COMMENT ON FUNCTION normalise.concepts(text, text) IS
    'What the words of a name mean, in English, each once: Taille de l''écran gives size, display. Unknown words stay as they are, without '
    'plural s; words that say nothing go. Reads only.';

CREATE FUNCTION normalise.expected(p_name text, OUT data_type text, OUT unit_family text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    WITH words AS (
        SELECT c.concept, c.n FROM unnest(normalise.concepts(p_name, 'en')) WITH ORDINALITY AS c (concept, n)
        UNION ALL SELECT w.word, 0 FROM unnest(string_to_array(normalise.name_key(p_name), ' ')) AS w (word) WHERE w.word IN ('has', 'is')
    )
    SELECT (SELECT k.data_type FROM words AS w JOIN prod_attr_kinds AS k ON k.concept = w.concept WHERE k.data_type IS NOT NULL
             ORDER BY w.n = 0 DESC, CASE WHEN k.concept IN ('range', 'quantity', 'type', 'dimension') THEN 0 WHEN k.concept IN ('maximum', 'minimum') THEN 1 ELSE 2 END, w.n DESC LIMIT 1),
           (SELECT k.unit_family FROM words AS w JOIN prod_attr_kinds AS k ON k.concept = w.concept WHERE k.unit_family IS NOT NULL
               AND NOT EXISTS (SELECT FROM words AS o WHERE o.concept IN ('has', 'is', 'quantity', 'type', 'included'))
             ORDER BY w.n DESC LIMIT 1)
$$;
COMMENT ON FUNCTION normalise.expected(text) IS
    'What the words of an attribute''s English name say about its values: data type and family of units, null where they say nothing. Reads only.';

CREATE FUNCTION normalise.profile(p_values text[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    WITH examples AS MATERIALIZED (
        SELECT e.raw, normalise.fold(e.raw) AS folded, m.numbers, m.families, m.units, m.first_amount, m.joined
          FROM (SELECT DISTINCT left(v, 200) AS raw FROM unnest(p_values) AS v WHERE btrim(v) <> '' ORDER BY 1 LIMIT 60) AS e
         CROSS JOIN LATERAL (
            SELECT count(*) AS numbers, array_remove(array_agg(DISTINCT q.family), NULL)
                       -- 1920 x 1080 needs no unit to be pixels
                       || CASE WHEN e.raw ~ '(^|\D)\d{3,5} ?[x×*] ?\d{3,5}(?! ?[a-z"])' THEN ARRAY['pixels'] ELSE '{}' END AS families, count(q.unit) AS units,
                   (array_agg(q.amount))[1] AS first_amount, string_agg(q.rest, '|') AS joined
              FROM normalise.measures(e.raw) AS q) AS m
    ), kinds AS (
        SELECT x.*, CASE WHEN x.folded !~ '^\d' AND normalise._boolean(x.folded) IS NOT NULL THEN 'boolean'
                    WHEN x.numbers BETWEEN 2 AND 4 AND x.joined ~* '^\s*["'']?\s*\(?[whdl]?\)?\s*x\s*\|' THEN 'dimensions'
                    WHEN x.numbers = 2 AND x.joined ~* '^\s*(-|to|~|bis|à|până la|\.\.\.?)\s*\|' THEN 'range'
                    WHEN x.numbers >= 1 AND length(regexp_replace(x.folded, '[^[:alpha:]]', '', 'g')) <= 12 THEN 'number'
                    WHEN x.folded ~ '[,;|].*[,;|]' THEN 'list' ELSE 'string' END AS kind
          FROM examples AS x
    )
    SELECT CASE WHEN count(*) > 0 THEN jsonb_build_object('n', count(*),
               'kinds', (SELECT jsonb_object_agg(g.kind, g.share) FROM (SELECT k.kind, round(count(*)::numeric / (SELECT count(*) FROM kinds), 3) AS share FROM kinds AS k GROUP BY 1) AS g),
               'families', coalesce((SELECT jsonb_object_agg(g.family, g.share) FROM (SELECT f.family, round(count(*)::numeric / (SELECT count(*) FROM kinds), 3) AS share
                                                                                       FROM kinds AS k, unnest(k.families) AS f (family) GROUP BY 1) AS g), '{}'),
               'plain', round(avg((kinds.numbers > 0 AND kinds.units = 0)::int), 3),
               'median', round((percentile_cont(0.5) WITHIN GROUP (ORDER BY kinds.first_amount))::numeric, 4),
               'words', (SELECT coalesce(jsonb_agg(w.word ORDER BY w.n DESC, w.word), '[]') FROM (
                           SELECT t.word, count(DISTINCT k.raw) AS n FROM kinds AS k, regexp_split_to_table(k.folded, '[^[:alnum:]]+') AS t (word)
                            WHERE t.word ~ '[[:alpha:]]{2}' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40) AS w)) END
      FROM kinds
$$;
COMMENT ON FUNCTION normalise.profile(text[]) IS
    'What values look like: shares of kinds and of families of units, the middle of their numbers, their words; of up to 60. Null without any. Reads only.';

CREATE FUNCTION normalise._values_fit(p_profile jsonb, p_data_type text, p_family text, p_allowed jsonb, p_known jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_profile IS NULL THEN 0 ELSE least(1, greatest(-1, round(
        -- The family of units: the strongest sign there is.
        CASE WHEN p_family IS NULL THEN CASE WHEN p_data_type = 'number' THEN -0.9 ELSE -0.2 END * (SELECT coalesce(max(f.value::numeric), 0) FROM jsonb_each_text(p_profile -> 'families') AS f WHERE f.key <> 'count')
             ELSE 1.1 * coalesce((p_profile -> 'families' ->> p_family)::numeric, 0)
                  - 0.8 * (SELECT coalesce(max(f.value::numeric), 0) FROM jsonb_each_text(p_profile -> 'families') AS f WHERE f.key <> p_family)
                        * (1 - coalesce((p_profile -> 'families' ->> p_family)::numeric, 0))
                  - 0.5 * (1 - (p_profile ->> 'plain')::numeric) * (CASE WHEN p_profile -> 'families' = '{}' THEN 1 ELSE 0 END) END
        -- The kind.
        + CASE p_data_type
            WHEN 'boolean' THEN 1.0 * k.boolean - 0.6 * (1 - k.boolean) * (1 - 0.4 * k.number)
            WHEN 'number' THEN 0.4 * k.number - 0.7 * k.boolean - 0.4 * k.dimensions - 0.15 * k.range - 0.6 * (k.string + k.list) * (CASE WHEN p_family IS NULL THEN 1 ELSE 0.3 END)
            WHEN 'dimensions' THEN 0.6 * k.dimensions - 0.4 * k.number - 0.6 * k.boolean - 0.2 * k.string
            WHEN 'range' THEN 0.5 * k.range - 0.15 * k.number - 0.6 * k.boolean - 0.3 * k.string
            WHEN 'list' THEN 0.3 * k.list + 0.1 * k.string - 0.4 * k.number - 0.4 * k.boolean
            WHEN 'string' THEN 0.2 * (k.string + k.list) - 0.2 * k.number - 0.4 * k.boolean - 0.2 * k.dimensions
            WHEN 'enum' THEN 0.2 * (k.string + k.list) - 0.2 * k.number - 0.4 * k.boolean
            ELSE -0.25 * k.boolean END
        -- What is known of the attribute's values.
        + CASE WHEN p_known IS NULL THEN 0 ELSE
            0.8 * (SELECT count(*)::numeric / greatest(1, least(10, jsonb_array_length(p_profile -> 'words')))
                     FROM (SELECT w FROM jsonb_array_elements_text(p_profile -> 'words') AS w LIMIT 10) AS x WHERE p_known -> 'words' ? x.w)
            + CASE WHEN (p_known ->> 'median')::numeric > 0 AND (p_profile ->> 'median')::numeric > 0
                   THEN 0.4 - 0.4 * least(2, abs(ln((p_known ->> 'median')::numeric / (p_profile ->> 'median')::numeric))) ELSE 0 END END, 4))) END
      FROM (SELECT coalesce((p_profile -> 'kinds' ->> 'number')::numeric, 0) AS number, coalesce((p_profile -> 'kinds' ->> 'boolean')::numeric, 0) AS boolean,
                   coalesce((p_profile -> 'kinds' ->> 'dimensions')::numeric, 0) AS dimensions, coalesce((p_profile -> 'kinds' ->> 'range')::numeric, 0) AS range,
                   coalesce((p_profile -> 'kinds' ->> 'list')::numeric, 0) AS list, coalesce((p_profile -> 'kinds' ->> 'string')::numeric, 0) AS string) AS k
$$;
COMMENT ON FUNCTION normalise._values_fit(jsonb, text, text, jsonb, jsonb) IS
    'How well values suit an attribute, -1 to 1: family of units, kind, and likeness to its known values; 0 says nothing. Pure.';

CREATE FUNCTION normalise._pool(p_names text[], p_concepts jsonb, p_limit integer)
RETURNS TABLE (asked integer, definition_id uuid, kind text, name_key text, alike numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, extensions, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT a.n::integer AS n, a.key, ARRAY(SELECT jsonb_array_elements_text(p_concepts -> (a.n::integer - 1))) AS concepts
          FROM unnest(p_names) WITH ORDINALITY AS a (key, n)
    ), weights AS MATERIALIZED (
        -- Rare words tell more. A word that no attribute has counts like one of a single attribute; words that only qualify, half.
        SELECT c.concept, CASE WHEN c.concept IN ('maximum', 'minimum', 'typical', 'nominal', 'support', 'included', 'compatibility', 'product', 'main', 'total') THEN 0.5 ELSE 1 END
               * (0.5 + ln(1 + (SELECT greatest(count(*), 20) FROM prod_attr_definitions)::numeric / (0.5 + count(n.definition_id)))) AS weight
          FROM (SELECT DISTINCT unnest(x.concepts) AS concept FROM (SELECT concepts FROM asked UNION ALL SELECT concepts FROM prod_attr_names) AS x) AS c
          LEFT JOIN (SELECT DISTINCT d.definition_id, unnest(d.concepts) AS concept FROM prod_attr_names AS d) AS n ON n.concept = c.concept
         GROUP BY c.concept
    ), sums AS MATERIALIZED (
        SELECT a.n, sum(w.weight) AS total FROM asked AS a CROSS JOIN LATERAL unnest(a.concepts) AS c (concept) JOIN weights AS w ON w.concept = c.concept GROUP BY a.n
    ), shared AS MATERIALIZED (
        SELECT q.* FROM (
            SELECT a.n, d.definition_id, d.kind, d.name_key, sum(w.weight) AS common,
                   row_number() OVER (PARTITION BY a.n ORDER BY sum(w.weight) / (1 + cardinality(d.concepts)) DESC, d.name_key) AS place
              FROM asked AS a JOIN prod_attr_names AS d ON d.concepts && a.concepts
             CROSS JOIN LATERAL unnest(a.concepts) AS c (concept) JOIN weights AS w ON w.concept = c.concept
             WHERE c.concept = ANY (d.concepts)
             GROUP BY a.n, d.definition_id, d.kind, d.name_key, d.concepts) AS q WHERE q.place <= p_limit
    ), pool AS (
        SELECT s.n, s.definition_id, s.kind, s.name_key FROM shared AS s
        UNION SELECT a.n, d.definition_id, d.kind, d.name_key FROM asked AS a JOIN prod_attr_names AS d ON d.name_key = a.key
        UNION SELECT a.n, t.definition_id, t.kind, t.name_key FROM asked AS a CROSS JOIN LATERAL (
            SELECT d.* FROM prod_attr_names AS d WHERE d.name_key % a.key ORDER BY similarity(d.name_key, a.key) DESC LIMIT p_limit) AS t
    )
    SELECT p.n, p.definition_id, p.kind::text, p.name_key::text,
           CASE WHEN p.name_key = a.key THEN CASE p.kind WHEN 'code' THEN 1.0 WHEN 'synonym' THEN 0.99 ELSE 0.98 END
                WHEN a.concepts @> d.concepts AND a.concepts <@ d.concepts THEN 0.955
                ELSE greatest(0.62 * 2 * coalesce(s.common, 0) / nullif(u.total + (SELECT sum(w.weight) FROM unnest(d.concepts) AS c (concept) JOIN weights AS w ON w.concept = c.concept), 0)
                              + 0.30 * similarity(array_to_string(a.concepts, ' '), d.concept_key),
                              0.85 * similarity(p.name_key, a.key)) END::numeric
      FROM pool AS p
      JOIN asked AS a ON a.n = p.n
      JOIN prod_attr_names AS d ON d.definition_id = p.definition_id AND d.kind = p.kind AND d.name_key = p.name_key
      LEFT JOIN sums AS u ON u.n = p.n
      LEFT JOIN shared AS s ON s.n = p.n AND s.definition_id = p.definition_id AND s.kind = p.kind AND s.name_key = p.name_key
$$;
COMMENT ON FUNCTION normalise._pool(text[], jsonb, integer) IS
    'Attributes that folded names may mean, with how alike the names are: the same text, the same meaning, else the share of meaning in common '
    'and likeness of letters. Reads only.';

CREATE FUNCTION normalise._rank(p_names text[], p_concepts jsonb, p_profiles jsonb, p_limit integer, p_vector extensions.vector, p_model text)
RETURNS TABLE (asked integer, definition_id uuid, code text, score numeric, method text, rank integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, extensions, pg_temp
AS $$
    WITH settings AS (
        SELECT normalise.setting('values_weight') AS values_weight, normalise.setting('vector_weight') AS vector_weight
    ), best AS (
        SELECT DISTINCT ON (p.asked, p.definition_id) p.asked, p.definition_id, p.kind, p.alike
          FROM normalise._pool(p_names, p_concepts, 40) AS p ORDER BY p.asked, p.definition_id, p.alike DESC, p.kind
    ), vectors AS (
        SELECT a.n::integer AS asked, coalesce(p_vector, v.embedding) AS embedding, coalesce(v.model, p_model) AS model
          FROM unnest(p_names) WITH ORDINALITY AS a (key, n)
          LEFT JOIN prod_attr_name_vectors AS v ON v.name_key = a.key AND p_vector IS NULL
         WHERE coalesce(p_vector, v.embedding) IS NOT NULL
    ), pool AS (
        SELECT b.asked, b.definition_id, b.kind, b.alike FROM best AS b
        UNION ALL
        SELECT v.asked, n.id, 'vector', 0 FROM vectors AS v CROSS JOIN LATERAL (
            SELECT d.id FROM prod_attr_definitions AS d WHERE d.embedding_model = v.model ORDER BY d.embedding <=> v.embedding LIMIT 10) AS n
         WHERE NOT EXISTS (SELECT FROM best AS b WHERE b.asked = v.asked AND b.definition_id = n.id)
    ), scored AS (
        SELECT p.asked, p.definition_id, d.code, p.kind, p.alike, CASE WHEN v.embedding IS NOT NULL THEN greatest(0, 1 - (d.embedding <=> v.embedding))::numeric END AS near,
               normalise._values_fit(nullif(p_profiles -> (p.asked - 1), 'null'), d.data_type, d.unit_family, d.allowed_values, k.profile) AS fit
          FROM pool AS p JOIN prod_attr_definitions AS d ON d.id = p.definition_id
          LEFT JOIN vectors AS v ON v.asked = p.asked AND v.model = d.embedding_model
          LEFT JOIN prod_attr_profiles AS k ON k.definition_id = p.definition_id
    ), final AS (
        SELECT s.*, CASE WHEN s.alike >= 0.97 THEN s.alike ELSE least(0.969, greatest(0,
                   s.alike + t.vector_weight * coalesce(s.near - s.alike, 0) + t.values_weight * s.fit)) END AS score
          FROM scored AS s, settings AS t
    )
    -- Values move what is likely, but a name that shares only part of its meaning is never certain.
    SELECT q.asked, q.definition_id, q.code::text, round(CASE WHEN q.alike >= 0.95 THEN q.score ELSE least(q.score, 0.855) END, 4),
           CASE WHEN q.alike >= 0.97 THEN CASE q.kind WHEN 'label' THEN 'folded' ELSE q.kind END WHEN q.alike >= 0.95 THEN 'folded'
                WHEN q.kind = 'vector' THEN 'vector' ELSE 'similar' END, q.place::integer
      FROM (SELECT f.*, row_number() OVER (PARTITION BY f.asked ORDER BY f.score DESC, f.fit DESC, f.alike DESC, f.code) AS place FROM final AS f) AS q
     WHERE q.place <= p_limit
$$;
COMMENT ON FUNCTION normalise._rank(text[], jsonb, jsonb, integer, extensions.vector, text) IS
    'The best attributes for folded names: the likeness of names, moved by vectors where there are and by what the values look like. What is the '
    'same text as a code, synonym or label is not moved. Reads only.';

CREATE FUNCTION normalise._profile_with_unit(p_examples text[], p_unit text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE WHEN u.family IS NULL THEN p.profile
                ELSE coalesce(p.profile, '{"n": 0, "kinds": {"number": 0.5}, "plain": 0, "words": []}') || jsonb_build_object('families', jsonb_build_object(u.family, 1)) END
      FROM (SELECT normalise.profile(p_examples) AS profile) AS p
      LEFT JOIN prod_units AS u ON u.code = normalise.unit(p_unit)
$$;
COMMENT ON FUNCTION normalise._profile_with_unit(text[], text) IS 'Profile of example values, with the unit that the source names for them. Reads only.';

CREATE FUNCTION normalise.attribute_candidates(p_name text, p_locale text DEFAULT NULL, p_unit text DEFAULT NULL, p_examples text[] DEFAULT NULL,
    p_limit integer DEFAULT 3, p_vector extensions.vector DEFAULT NULL, p_model text DEFAULT NULL)
RETURNS TABLE (definition_id uuid, code text, score numeric, method text, rank integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, extensions, pg_temp
AS $$
    SELECT r.definition_id, r.code, r.score, r.method, r.rank
      FROM normalise._rank(ARRAY[normalise.name_key(p_name)], jsonb_build_array(to_jsonb(normalise.concepts(p_name, p_locale))),
                           jsonb_build_array(normalise._profile_with_unit(p_examples, p_unit)), least(p_limit, 20), p_vector, p_model) AS r
     ORDER BY r.rank
$$;
COMMENT ON FUNCTION normalise.attribute_candidates(text, text, text, text[], integer, extensions.vector, text) IS
    'Which attributes a name may mean, best first, with the evidence of its unit and example values. p_vector: the name''s vector of p_model; '
    'without it that of prod_attr_name_vectors counts. method: code, synonym, folded, similar or vector. Reads only.';

CREATE FUNCTION normalise._index_names(p_definition_ids uuid[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    DELETE FROM prod_attr_names WHERE definition_id = ANY (p_definition_ids);
    WITH said AS MATERIALIZED (
        SELECT q.id, q.kind, normalise.name_key(q.name) AS key, q.locale
          FROM (SELECT d.id, 'code' AS kind, d.code::text AS name, 'en' AS locale FROM prod_attr_definitions AS d WHERE d.id = ANY (p_definition_ids)
                UNION ALL SELECT d.id, 'label', normalise._without_unit(d.label), 'en' FROM prod_attr_definitions AS d WHERE d.id = ANY (p_definition_ids)
                UNION ALL SELECT s.definition_id, 'synonym', s.synonym_text, nullif(s.locale, 'und') FROM prod_attr_synonyms AS s
                           WHERE s.definition_id = ANY (p_definition_ids) AND s.is_approved) AS q
    ), meant AS MATERIALIZED (
        SELECT m.key, m.locale, normalise.concepts(m.key, m.locale) AS concepts FROM (SELECT DISTINCT s.key, s.locale FROM said AS s WHERE s.key <> '') AS m
    )
    INSERT INTO prod_attr_names (definition_id, kind, name_key, concepts, concept_key)
    SELECT DISTINCT ON (s.id, s.kind, s.key) s.id, s.kind, s.key, m.concepts, array_to_string(m.concepts, ' ')
      FROM said AS s JOIN meant AS m ON m.key = s.key AND m.locale IS NOT DISTINCT FROM s.locale
     ORDER BY s.id, s.kind, s.key, s.locale;
    DELETE FROM prod_attr_mappings WHERE decision = 'unknown' AND cardinality(p_definition_ids) > 0
$$;
COMMENT ON FUNCTION normalise._index_names(uuid[]) IS
    'Writes what attributes are found by anew, and forgets which names were unknown, so that they are tried again. Idempotent.';

CREATE FUNCTION normalise.tg_prod_attr_definitions__index_new() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM normalise._index_names(q.ids) FROM (SELECT array_agg(n.id) FROM new_rows AS n) AS q (ids) WHERE q.ids IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION normalise.tg_prod_attr_definitions__index_new() IS 'Keeps prod_attr_names after attributes were made.';

CREATE FUNCTION normalise.tg_prod_attr_definitions__index_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM normalise._index_names(q.ids) FROM (SELECT array_agg(n.id) FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id WHERE (n.code, n.label) IS DISTINCT FROM (o.code, o.label)) AS q (ids) WHERE q.ids IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION normalise.tg_prod_attr_definitions__index_changed() IS 'Keeps prod_attr_names after attributes were renamed.';

CREATE FUNCTION normalise.tg_prod_attr_synonyms__index_new() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM normalise._index_names(q.ids) FROM (SELECT array_agg(DISTINCT n.definition_id) FROM new_rows AS n WHERE n.is_approved) AS q (ids) WHERE q.ids IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION normalise.tg_prod_attr_synonyms__index_new() IS 'Keeps prod_attr_names after synonyms were made.';

CREATE FUNCTION normalise.tg_prod_attr_synonyms__index_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM normalise._index_names(q.ids) FROM (SELECT array_agg(DISTINCT b.id) FROM (SELECT n.definition_id FROM new_rows AS n WHERE n.is_approved
                                                        UNION SELECT o.definition_id FROM old_rows AS o WHERE o.is_approved) AS b (id)) AS q (ids) WHERE q.ids IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION normalise.tg_prod_attr_synonyms__index_changed() IS 'Keeps prod_attr_names after synonyms came in force or went out of it.';

CREATE FUNCTION normalise.tg_prod_attr_synonyms__index_gone() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM normalise._index_names(q.ids) FROM (SELECT array_agg(DISTINCT o.definition_id) FROM old_rows AS o WHERE o.is_approved) AS q (ids) WHERE q.ids IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION normalise.tg_prod_attr_synonyms__index_gone() IS 'Keeps prod_attr_names after synonyms were deleted.';

GRANT EXECUTE ON FUNCTION normalise.tg_prod_attr_definitions__index_new(), normalise.tg_prod_attr_definitions__index_changed(),
    normalise.tg_prod_attr_synonyms__index_new(), normalise.tg_prod_attr_synonyms__index_changed(), normalise.tg_prod_attr_synonyms__index_gone()
    TO neanelu_owner;
GRANT EXECUTE ON FUNCTION normalise.setting(text), normalise.concepts(text, text), normalise.expected(text), normalise.profile(text[]),
    normalise.attribute_candidates(text, text, text, text[], integer, extensions.vector, text)
    TO neanelu_platform, neanelu_pim_editor, neanelu_analyst, neanelu_operator, neanelu_harvester;

SET LOCAL ROLE neanelu_owner;

CREATE TRIGGER tg_prod_attr_definitions__index_new AFTER INSERT ON neanelu.prod_attr_definitions
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION normalise.tg_prod_attr_definitions__index_new();
CREATE TRIGGER tg_prod_attr_definitions__index_changed AFTER UPDATE ON neanelu.prod_attr_definitions
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION normalise.tg_prod_attr_definitions__index_changed();
CREATE TRIGGER tg_prod_attr_synonyms__index_new AFTER INSERT ON neanelu.prod_attr_synonyms
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION normalise.tg_prod_attr_synonyms__index_new();
CREATE TRIGGER tg_prod_attr_synonyms__index_changed AFTER UPDATE ON neanelu.prod_attr_synonyms
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION normalise.tg_prod_attr_synonyms__index_changed();
CREATE TRIGGER tg_prod_attr_synonyms__index_gone AFTER DELETE ON neanelu.prod_attr_synonyms
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION normalise.tg_prod_attr_synonyms__index_gone();

COMMIT;

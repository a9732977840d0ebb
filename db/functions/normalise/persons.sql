-- Deploy neanelu:functions/normalise/persons to pg
-- requires: policies/pim
-- requires: functions/normalise/text
-- Names of persons: lists of them as sources write them, and which writings are one person. "Knuth, Donald E.",
-- "Donald E. Knuth" and "DONALD KNUTH" are one.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise._person_words(p_name text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_remove(regexp_split_to_array(
               normalise.plain_letters(translate(p_name, '''’`´', '')), '[^[:alnum:]]+'), '')
$$;
COMMENT ON FUNCTION normalise._person_words(text) IS
    'Words of a name in lower case, without diacritics, apostrophes, hyphens and full stops. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._is_particle(p_word text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_word = ANY ('{van,von,der,den,de,del,della,di,da,la,le,du,dos,das,el,al,bin,ibn,ter,ten,zu,zur,vom,af,av}'::text[]);
COMMENT ON FUNCTION normalise._is_particle(text) IS
    'Whether a word, in lower case, belongs to a family name that follows it: van, de, von. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._is_family_name(p_part text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) <= 1 FROM unnest(normalise._person_words(replace(p_part, '-', ''))) AS w (word) WHERE NOT normalise._is_particle(w.word)
$$;
COMMENT ON FUNCTION normalise._is_family_name(text) IS
    'Whether a part between commas is one word, particles aside: a family name alone rather than a whole name. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._person_pieces(p_raw text)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_text text := p_raw;
    v_roles constant text := 'authors?|editors?|eds?\.?|edt|edited|translators?|transl?\.?|illustrators?|contributors?|foreword|introduction|preface'
                             '|photographers?|compilers?|hrsg\.?|herausgeber|autore?n?|auteurs?|traduc[a-z]+|editori?|coord\.?|coautor';
BEGIN
    -- Entities of HTML that came through.
    v_text := regexp_replace(v_text, '&([A-Za-z])(acute|grave|uml|circ|tilde|cedil|ring|slash|caron);', '\1', 'g');
    v_text := replace(replace(regexp_replace(v_text, '&(amp;)+', '&', 'g'), '&apos;', ''''), '&#39;', '''');
    -- A role in brackets ends a name; other brackets hold a remark.
    v_text := regexp_replace(v_text, '[(\[]\s*(' || v_roles || ')\M[^)\]]*([)\]]|$)', ';', 'gi');
    v_text := regexp_replace(v_text, '[(\[][^)\]]*([)\]]|$)|[)\]]', ' ', 'g');
    v_text := regexp_replace(v_text, '\m(et\.?\s+al|and others|and more|u\.\s?a|among others|etc|ș\.a|s\.a)\M\.?', ';', 'gi');
    v_text := regexp_replace(v_text, '\m((edited|compiled|translated|written|illustrated)\s+)?by\M', ';', 'gi');
    v_text := regexp_replace(v_text, '\m(' || v_roles || ')\M\s*[-:]', ';', 'gi');
    v_text := regexp_replace(v_text, '\s+(and|und|with|et|mit|și|si)\s+|[;|/&\n\t]|\s-\s', ';', 'gi');
    -- Names glued together: a capital straight after a small letter, unless the word is one that family names begin with.
    v_text := regexp_replace(v_text, '\m((?!(?:Mac|Van|Von|Des|Del|Fitz|San)[A-Z])[A-Z][[:lower:]]{2,})(?=[A-Z][[:lower:]])', '\1;', 'g');
    v_text := regexp_replace(v_text, '(\s[A-Z]\.)([A-Z][[:lower:]]{2,}[^.;,]*,)', '\1;\2', 'g');
    v_text := regexp_replace(v_text, '(,\s*)?\m(jr|sr|ph\.?\s?d|m\.d|esq|ii|iii|dr|prof)\M\.?', ' ', 'gi');
    RETURN string_to_array(v_text, ';');
END
$$;
COMMENT ON FUNCTION normalise._person_pieces(text) IS
    'Cuts a list of persons at separators that can be no part of a name; roles, titles and "et al." are left out. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._chained_names(p_parts text[])
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_names text[] := ARRAY[]::text[];
    v_family text := p_parts[1];
    v_words text[];
    v_cut integer;
BEGIN
    FOR v_part IN 2 .. cardinality(p_parts) - 1 LOOP
        v_words := regexp_split_to_array(trim(p_parts[v_part]), '\s+');
        v_cut := cardinality(v_words);
        WHILE v_cut > 2 AND normalise._is_particle(lower(v_words[v_cut - 1])) LOOP
            v_cut := v_cut - 1;
        END LOOP;
        v_names := v_names || (array_to_string(v_words[:v_cut - 1], ' ') || ' ' || v_family);
        v_family := array_to_string(v_words[v_cut:], ' ');
    END LOOP;
    RETURN v_names || (p_parts[cardinality(p_parts)] || ' ' || v_family);
END
$$;
COMMENT ON FUNCTION normalise._chained_names(text[]) IS
    'Names of "Tan, Pang-Ning Steinbach, Michael Kumar, Vipin": inverted names whose separator got lost, given as the parts between commas. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._comma_names(p_piece text)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_parts text[] := (SELECT coalesce(array_agg(trim(p.part) ORDER BY p.place), '{}')
                         FROM unnest(string_to_array(p_piece, ',')) WITH ORDINALITY AS p (part, place) WHERE p.part ~ '[[:alpha:]]');
    v_count constant integer := cardinality(v_parts);
    v_families boolean[] := (SELECT array_agg(normalise._is_family_name(p.part) ORDER BY p.place) FROM unnest(v_parts) WITH ORDINALITY AS p (part, place));
    v_names text[] := ARRAY[]::text[];
    v_place integer := 1;
BEGIN
    IF v_count < 2 THEN
        RETURN v_parts;
    END IF;
    -- Family names before given ones: each of one word, or what follows each nothing but initials (Vargas Llosa, M., Gamma, E.).
    IF v_count % 2 = 0 AND (NOT EXISTS (SELECT FROM generate_series(1, v_count, 2) AS g WHERE NOT v_families[g])
                            OR NOT EXISTS (SELECT FROM generate_series(2, v_count, 2) AS g WHERE v_parts[g] !~ '^([[:upper:]]\.[\s-]*){1,4}$')) THEN
        RETURN (SELECT array_agg(v_parts[g + 1] || ' ' || v_parts[g] ORDER BY g) FROM generate_series(1, v_count, 2) AS g);
    END IF;
    -- "Garcia Molina, Hector", "Garcia Molina, H. F.": a second part that is no whole name.
    IF v_count = 2 AND (v_families[2] OR v_parts[2] ~ '\m[[:alpha:]]\.?$') THEN
        RETURN ARRAY[v_parts[2] || ' ' || v_parts[1]];
    END IF;
    IF v_count > 2 AND v_families[1] AND NOT (true = ANY (v_families[2:v_count - 1])) THEN
        RETURN normalise._chained_names(v_parts);
    END IF;
    WHILE v_place <= v_count LOOP
        IF v_families[v_place] AND v_place < v_count THEN
            v_names := v_names || (v_parts[v_place + 1] || ' ' || v_parts[v_place]);
            v_place := v_place + 2;
        ELSE
            v_names := v_names || v_parts[v_place];
            v_place := v_place + 1;
        END IF;
    END LOOP;
    RETURN v_names;
END
$$;
COMMENT ON FUNCTION normalise._comma_names(text) IS
    'Names of one piece, in which a comma may separate persons or stand within an inverted name. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._person_name(p_name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text := trim(regexp_replace(regexp_replace(p_name, '(\m[[:alpha:]]\.)(?=[[:alpha:]])', '\1 ', 'g'), '[\s,:]+', ' ', 'g'), ' .-"*');
BEGIN
    IF v_name !~ '[[:alpha:]]{2}' OR array_to_string(normalise._person_words(v_name), ' ')
           = ANY ('{unknown,various,none,na,"n a","not available","not stated",anonymous,anonim,anonymus,unbekannt,inconnu,"no author","various authors",staff,others}') THEN
        RETURN NULL;
    END IF;
    -- An initial at the end lost its full stop above.
    v_name := regexp_replace(v_name, '\s([[:upper:]])$', ' \1.');
    IF v_name = upper(v_name) OR v_name = lower(v_name) THEN
        RETURN initcap(v_name);
    END IF;
    RETURN v_name;
END
$$;
COMMENT ON FUNCTION normalise._person_name(text) IS
    'A name as it is shown: spaces and capitals in order; NULL for what names nobody. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.person_names(p_raw text)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(f.name ORDER BY f.place), '{}')
      FROM (SELECT min(s.name COLLATE "C") AS name, min(s.place) AS place
              FROM (SELECT normalise._person_name(n.name) AS name, row_number() OVER (ORDER BY p.place, n.place) AS place
                      FROM unnest(normalise._person_pieces(p_raw)) WITH ORDINALITY AS p (piece, place)
                     CROSS JOIN LATERAL unnest(normalise._comma_names(p.piece)) WITH ORDINALITY AS n (name, place)) AS s
             WHERE s.name IS NOT NULL
             GROUP BY normalise._person_words(s.name)) AS f
$$;
COMMENT ON FUNCTION normalise.person_names(text) IS
    'The persons of a text, given name first, in the order named, each once: "Knuth, Donald E.; Graham, R. L." is {Donald E. Knuth, R. L. Graham}. '
    'Separators ; | / & and commas, inverted names, roles in brackets, names glued together. Empty when it names nobody. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.person_names(p_raw jsonb)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT normalise.person_names(CASE jsonb_typeof(p_raw)
               WHEN 'array' THEN (SELECT string_agg(coalesce(e.value ->> 'name', e.value #>> '{}'), ';' ORDER BY e.place)
                                    FROM jsonb_array_elements(p_raw) WITH ORDINALITY AS e (value, place))
               WHEN 'object' THEN p_raw ->> 'name'
               ELSE p_raw #>> '{}' END)
$$;
COMMENT ON FUNCTION normalise.person_names(jsonb) IS
    'The same of a JSON value: a text, {"name"}, or an array of these. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._is_short_for(p_words text[], p_longer text[])
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_left text[] := p_longer;
    v_word text;
    v_place integer;
BEGIN
    FOR v_word IN SELECT w.word FROM unnest(p_words) AS w (word) ORDER BY length(w.word) DESC, w.word COLLATE "C" LOOP
        v_place := array_position(v_left, v_word);
        IF v_place IS NULL THEN
            SELECT l.place INTO v_place
              FROM unnest(v_left) WITH ORDINALITY AS l (word, place)
             WHERE (length(v_word) = 1 OR length(l.word) = 1 OR least(length(v_word), length(l.word)) >= 3)
               AND (starts_with(l.word, v_word) OR starts_with(v_word, l.word)) AND l.word <> ''
             ORDER BY l.place LIMIT 1;
        END IF;
        IF v_place IS NULL THEN
            RETURN false;
        END IF;
        v_left[v_place] := '';
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION normalise._is_short_for(text[], text[]) IS
    'Whether each word of a name has a word of its own in a longer one: the same, its initial, or its beginning (Tim, Timothy). '
    'Order does not matter. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.is_same_person(p_left text[], p_right text[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    -- A whole word in common, first: most pairs have none.
    SELECT EXISTS (SELECT FROM unnest(p_left) AS w (word) WHERE length(w.word) > 1 AND w.word = ANY (p_right))
       AND CASE WHEN cardinality(p_left) <= cardinality(p_right) THEN normalise._is_short_for(p_left, p_right)
                ELSE normalise._is_short_for(p_right, p_left) END
$$;
COMMENT ON FUNCTION normalise.is_same_person(text[], text[]) IS
    'Whether two names, as their words, may be one person''s: one is the other shortened. Symmetric. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._is_variant(p_left text[], p_right text[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.given <> '' AND r.given <> '' AND left(l.given, 1) = left(r.given, 1)
       AND (l.family = r.family
            OR l.given = r.given AND length(l.given) > 1 AND left(l.family, 1) = left(r.family, 1) AND least(length(l.family), length(r.family)) >= 5
               AND extensions.similarity(l.family, r.family) >= 0.5)
      FROM (SELECT p_left[cardinality(p_left)] AS family, CASE WHEN cardinality(p_left) > 1 THEN p_left[1] ELSE '' END AS given) AS l
     CROSS JOIN (SELECT p_right[cardinality(p_right)] AS family, CASE WHEN cardinality(p_right) > 1 THEN p_right[1] ELSE '' END AS given) AS r
$$;
COMMENT ON FUNCTION normalise._is_variant(text[], text[]) IS
    'Whether two names look like one in two spellings: the same family name and initial (Judy, Judith), or the same given name and a family name with '
    'a slip. Weaker than normalise.is_same_person: it counts only for names that nobody gives side by side. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._run_together(p_names text[], p_weights numeric[])
RETURNS TABLE (name text, part text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text;
    v_left text[];
    v_found text[];
    v_other record;
BEGIN
    FOR v_name IN SELECT n.name FROM unnest(p_names) AS n (name) WHERE cardinality(normalise._person_words(n.name)) >= 4 LOOP
        v_left := normalise._person_words(v_name);
        v_found := '{}';
        FOR v_other IN
            SELECT o.name, normalise._person_words(o.name) AS words, o.weight
              FROM unnest(p_names, p_weights) AS o (name, weight)
             WHERE o.name <> v_name AND normalise._person_words(o.name) <@ v_left
               AND (SELECT count(*) FROM unnest(normalise._person_words(o.name)) AS w (word) WHERE length(w.word) > 1) >= 2
             ORDER BY o.weight DESC, o.name COLLATE "C"
        LOOP
            IF v_other.words <@ v_left THEN
                v_left := ARRAY(SELECT l.word FROM unnest(v_left) AS l (word) WHERE l.word <> ALL (v_other.words));
                v_found := v_found || v_other.name;
            END IF;
        END LOOP;
        IF cardinality(v_found) >= 2 THEN
            RETURN QUERY SELECT v_name, f.part FROM unnest(v_found) AS f (part);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION normalise._run_together(text[], numeric[]) IS
    'Names that are really several persons without a separator, known from the others: each with its parts. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.merge_persons(p_names text[], p_weights numeric[], p_apart text[] DEFAULT '{}')
RETURNS TABLE (name text, person text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE together AS MATERIALIZED (SELECT t.name, t.part FROM normalise._run_together(p_names, p_weights) AS t),
    -- What is written, and what it says: itself, or the persons run together in it.
    said AS MATERIALIZED (
        SELECT n.name, coalesce(t.part, n.name) AS part, n.weight
          FROM unnest(p_names, p_weights) AS n (name, weight) LEFT JOIN together AS t ON t.name = n.name),
    ranked AS MATERIALIZED (
        SELECT r.part, r.words, row_number() OVER (ORDER BY cardinality(r.words) > 1 DESC, r.weight DESC, cardinality(r.words) DESC, r.part COLLATE "C") AS place
          FROM (SELECT s.part, normalise._person_words(s.part) AS words, sum(s.weight) AS weight FROM said AS s GROUP BY s.part) AS r),
    -- Each stands for the best supported writing that it may be; that one again for its own best.
    step AS MATERIALIZED (
        SELECT a.place, min(b.place) AS target
          FROM ranked AS a
          JOIN ranked AS b ON b.place = a.place
            OR b.place < a.place AND (normalise.is_same_person(a.words, b.words)
                                      OR normalise._is_variant(a.words, b.words) AND least(a.part, b.part) || E'\t' || greatest(a.part, b.part) <> ALL (p_apart))
         GROUP BY a.place),
    chain AS (
        SELECT s.place, s.target FROM step AS s
         UNION
        SELECT c.place, s.target FROM chain AS c JOIN step AS s ON s.place = c.target)
    SELECT s.name, b.part
      FROM said AS s
      JOIN ranked AS a ON a.part = s.part
      JOIN (SELECT c.place, min(c.target) AS target FROM chain AS c GROUP BY c.place) AS t ON t.place = a.place
      JOIN ranked AS b ON b.place = t.target
$$;
COMMENT ON FUNCTION normalise.merge_persons(text[], numeric[], text[]) IS
    'Which writings of one list of persons are one person: every name with the person it stands for, the best supported writing; several rows for a '
    'name that is several persons run together. Names are distinct, weights say how well each is supported; p_apart has the pairs that one source names '
    'side by side (in the order of the names, a tab between). Does not depend on the order. '
    'Writes nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION normalise.person_names(text), normalise.person_names(jsonb) TO neanelu_pim_editor, neanelu_analyst, neanelu_operator;

COMMIT;

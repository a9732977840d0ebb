-- Deploy neanelu:functions/normalise/values to pg
-- requires: functions/normalise/text
-- requires: schema/units
-- requires: schema/vocabulary
-- requires: policies/normalise
-- Raw values become values: numbers with units, ranges, dimensions, booleans, enums, lists, brands. What cannot be read is null, never
-- an error: a source may write what it likes.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise.unit(p_name text, p_family text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT n.unit_code FROM prod_unit_names AS n
     WHERE n.name_key = normalise.unit_key(p_name) AND (p_family IS NULL OR n.family = p_family)
       AND (p_family IS NOT NULL OR n.family <> 'data' OR length(p_name) > 1)
     ORDER BY (n.unit_code = p_name) DESC, (n.name = p_name) DESC, n.rank LIMIT 1
$$;
COMMENT ON FUNCTION normalise.unit(text, text) IS
    'Code of a unit by any of its names in any language; null for none. What has several meanings goes by case, then by how usual. Reads only.';

CREATE FUNCTION normalise.convert(p_value numeric, p_from text, p_to text) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE WHEN p_from = p_to THEN p_value ELSE (
        SELECT trim_scale(round(c.base, least(greatest(0, 10 - CASE WHEN c.base = 0 THEN 0 ELSE ceil(log(abs(c.base)::double precision))::integer END), c.most)))
          -- Where scales have different zeros, what is left beside zero is only what the factors lack.
          FROM (SELECT (p_value * f.factor + f.shift - t.shift) / t.factor AS base, CASE WHEN f.shift <> t.shift THEN 9 ELSE 1000 END AS most
                  FROM prod_units AS f JOIN prod_units AS t ON t.family = f.family
                 WHERE f.code = p_from AND t.code = p_to) AS c) END
$$;
COMMENT ON FUNCTION normalise.convert(numeric, text, text) IS
    'A value in another unit of the same family, to ten significant digits; null when the units do not convert. Reads only.';

CREATE FUNCTION normalise._unit_at(p_gap text, p_family text, OUT code text, OUT family text, OUT rest text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_gap text := regexp_replace(p_gap, '^[\s+-]*(?:\((?=[^()]*\)))?\s*(?:de |d'')?', '', 'i');
    v_words text[];
    v_keys text[];
    v_forms text[];
    v_hit record;
    v_word text := substring(p_gap FROM '^[\s-]*([a-zA-Z]{1,20}|["''%])\s*$');
BEGIN
    rest := p_gap;
    IF v_word IS NOT NULL AND (p_family IS NOT NULL OR length(v_word) > 1) THEN
        -- A unit and nothing else, as mostly.
        SELECT n.unit_code AS code, n.family INTO v_hit
          FROM prod_unit_names AS n WHERE n.name_key = lower(v_word) AND (p_family IS NULL OR n.family = p_family) ORDER BY (n.name = v_word) DESC, n.rank LIMIT 1;
        IF FOUND THEN
            code := v_hit.code;
            family := v_hit.family;
            rest := '';
            RETURN;
        END IF;
    END IF;
    v_words := regexp_match(v_gap, '^([^\s\d,;()|+:=]+[23]?)(?:( [^\s\d,;()|+:=-][^\s\d,;()|+:=]*[23]?)(?:( [^\s\d,;()|+:=-][^\s\d,;()|+:=]*[23]?)( [^\s\d,;()|+:=-][^\s\d,;()|+:=]*)?)?)?');
    IF v_words IS NULL THEN
        RETURN;
    END IF;
    v_forms := ARRAY(SELECT f.form FROM unnest(ARRAY[v_words[1] || v_words[2] || v_words[3] || v_words[4], v_words[1] || v_words[2] || v_words[3], v_words[1] || v_words[2], v_words[1]]
                   || CASE WHEN v_words[1] ~ '[^[:alpha:]%°]' THEN ARRAY[rtrim(v_words[1], '/-&.x'), split_part(v_words[1], '/', 1),
                                                                       split_part(v_words[1], '-', 1), substring(v_words[1] FROM '^["'']')] END) AS f (form) WHERE f.form <> '');
    v_keys := ARRAY(SELECT CASE WHEN f ~ '^[a-zA-Z]+$' THEN lower(f) ELSE normalise.unit_key(f) END FROM unnest(v_forms) AS f);
    SELECT n.unit_code AS code, n.family, length(v_forms[array_position(v_keys, n.name_key::text)]) AS taken INTO v_hit
      FROM prod_unit_names AS n
     WHERE n.name_key = ANY (v_keys) AND (p_family IS NULL OR n.family = p_family)
       AND (p_family IS NOT NULL OR length(n.name_key) > 1 OR n.name = ANY (v_forms) AND n.family <> 'data')
     ORDER BY array_position(v_keys, n.name_key::text), (n.name = v_forms[array_position(v_keys, n.name_key::text)]) DESC, n.rank LIMIT 1;
    IF FOUND THEN
        code := v_hit.code;
        family := v_hit.family;
        rest := ltrim(substr(v_gap, v_hit.taken + 1), '.)');
    END IF;
END
$$;
COMMENT ON FUNCTION normalise._unit_at(text, text) IS
    'The unit that a text begins with, and the rest of the text; the longest name wins, only of the family when one is given. Reads only.';

CREATE FUNCTION normalise._is_foreign(p_rest text, p_family text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM prod_unit_names AS n
                    WHERE n.name = substring(p_rest FROM '^[\s-]*([[:alpha:]°%]+)')
                      AND n.name_key = normalise.unit_key(substring(p_rest FROM '^[\s-]*([[:alpha:]°%]+)')) AND n.family NOT IN (p_family, 'count'))
$$;
COMMENT ON FUNCTION normalise._is_foreign(text, text) IS
    'Whether a text begins with a unit of another family, written as it is: 5 in is no weight. Reads only.';

CREATE FUNCTION normalise.measures(p_text text, p_family text DEFAULT NULL, p_locale text DEFAULT NULL)
RETURNS TABLE (before text, amount numeric, unit text, family text, rest text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_number CONSTANT text := '(?<![[:alnum:]_])(?:(?<![^\s(±~<>=:])[-+])?(?:\d+(?:\s+|\s?-\s?)\d{1,2}/(?:2|3|4|5|6|8|10|12|16|32|64)(?!\d)'
        '|\d{1,2}/(?:2|3|4|5|6|8|10|12|16|32|64)(?!\d)|\d+(?:[.,]\d+)*(?:[eE][-+]?\d{1,2}(?![[:alnum:]]))?|[.,]\d+)';
    v_text text := normalise.measure_text(left(p_text, 500), p_locale);
    v_numbers text[] := ARRAY(SELECT m[1] FROM regexp_matches(v_text, '(' || v_number || ')', 'g') AS m LIMIT 40);
    v_gaps text[];
    v_at record;
BEGIN
    IF cardinality(v_numbers) = 0 THEN
        RETURN;
    END IF;
    v_gaps := regexp_split_to_array(v_text, v_number);
    rest := v_gaps[1];
    FOR v_i IN 1 .. cardinality(v_numbers) LOOP
        before := rest;
        amount := normalise.number(v_numbers[v_i], p_locale);
        unit := NULL;
        family := NULL;
        rest := v_gaps[v_i + 1];
        IF rest <> '' AND rest !~ '^\s*([,;|/]|([-x&~]|to|bis)?\s*$)|^\s+(a|à|la)\s+$' THEN
            SELECT * INTO v_at FROM normalise._unit_at(rest, p_family);
            unit := v_at.code;
            family := v_at.family;
            rest := v_at.rest;
        END IF;
        -- One letter is a unit only where it can be no side: 24 W of a length may be its width.
        IF unit IS NULL AND p_family IS NOT NULL AND (rest ~ '^[\s-]*[[:alpha:]°%]{2}' OR p_family NOT IN ('length', 'count') AND rest ~ '^\s?[VWAgmshNJl](?![[:alnum:]])')
           AND normalise._is_foreign(rest, p_family) THEN
            CONTINUE;
        END IF;
        IF unit IS NULL AND (p_family IS NULL OR p_family IN ('rotation', 'pixels', 'frequency', 'count')) AND rest ~ '^\s?[kK](?![[:alnum:]])' THEN
            amount := amount * 1000;
            rest := substr(ltrim(rest), 2);
        ELSIF unit IS NULL AND rest ~* '^\s?(million|millions|mio|mln|milioane|millones|millionen)\M' OR unit IS NULL AND p_family IS NULL AND rest ~ '^M(?![[:alnum:]])' THEN
            amount := amount * 1000000;
            rest := regexp_replace(rest, '^\s?[[:alpha:]]+\.?', '');
        END IF;
        IF amount IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION normalise.measures(text, text, text) IS
    'All numbers of a text in order, each with the text before it, the unit that follows it and the rest up to the next. Words with digits '
    'in them (G6, U320) are no numbers. Of long texts the first 500 characters. Reads only.';

CREATE FUNCTION normalise._is_part(p_amount numeric, p_unit text, p_of text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT a.factor > b.factor AND p_amount * b.factor < a.factor FROM prod_units AS a JOIN prod_units AS b ON b.family = a.family
                      WHERE a.code = p_of AND b.code = p_unit), false)
$$;
COMMENT ON FUNCTION normalise._is_part(numeric, text, text) IS
    'Whether an amount is a part of the one before it: 6" after feet, 30 min after hours. Reads only.';

CREATE FUNCTION normalise._amounts(p_text text, p_unit text, p_family text, p_locale text, p_source_unit text)
RETURNS TABLE (place integer, before text, amount numeric, unit text, rest text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_between CONSTANT text := '^\s*([-~/x&]|to|bis|à|a|la|până la|pana la|and|und|et|și|si|y|or)?\s*$'
        '|^\s*(\(?[[:alpha:]]{1,2}\)?)?\s*x\s*([[:alpha:]]{1,2}[\s:=.]*)?$';
    v_befores text[];
    v_amounts numeric[];
    v_own text[];
    v_units text[];
    v_rests text[];
    v_at integer := 1;
BEGIN
    SELECT array_agg(m.before), array_agg(m.amount), array_agg(m.unit), array_agg(m.rest) INTO v_befores, v_amounts, v_own, v_rests
      FROM normalise.measures(p_text, p_family, p_locale) AS m;
    v_units := v_own;
    FOR v_i IN REVERSE coalesce(cardinality(v_own), 0) - 1 .. 1 LOOP
        IF v_units[v_i] IS NULL AND v_units[v_i + 1] IS NOT NULL AND v_rests[v_i] ~* v_between THEN
            v_units[v_i] := v_units[v_i + 1];
        END IF;
    END LOOP;
    WHILE v_at <= cardinality(v_own) LOOP
        place := v_at;
        before := v_befores[v_at];
        unit := coalesce(p_unit, v_units[v_at], p_source_unit);
        amount := CASE WHEN unit IS NULL OR unit = coalesce(v_units[v_at], p_source_unit, p_unit) THEN v_amounts[v_at]
                       ELSE normalise.convert(v_amounts[v_at], coalesce(v_units[v_at], p_source_unit, p_unit), unit) END;
        WHILE v_own[v_at] <> v_own[v_at + 1] AND v_rests[v_at] ~ '^\s*(,|and|und|et|și|y|-)?\s*$'
              AND normalise._is_part(v_amounts[v_at + 1], v_own[v_at + 1], v_own[v_at]) LOOP
            v_at := v_at + 1;
            amount := amount + normalise.convert(v_amounts[v_at], v_own[v_at], unit);
        END LOOP;
        rest := v_rests[v_at];
        RETURN NEXT;
        v_at := v_at + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION normalise._amounts(text, text, text, text, text) IS
    'The measures of a text in one unit: the attribute''s, else each its own. Numbers without unit have that of the next, else the source''s, '
    'else the attribute''s. Reads only.';

CREATE FUNCTION normalise._word(p_text text, p_kind text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT w.meaning
      FROM regexp_split_to_table(regexp_replace(p_text, '[^[:alnum:]\s/]+', ' ', 'g'), '[\s/]+') WITH ORDINALITY AS t (word, n)
      JOIN prod_value_words AS w ON w.kind = p_kind AND w.word = t.word
     ORDER BY t.n LIMIT 1
$$;
COMMENT ON FUNCTION normalise._word(text, text) IS 'Meaning of the first word of a folded text that is of a kind of prod_value_words. Reads only.';

CREATE FUNCTION normalise._boolean(p_folded text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(
        (SELECT jsonb_build_object('value', w.meaning::boolean) FROM prod_value_words AS w WHERE w.kind = 'boolean' AND w.word = p_folded),
        CASE WHEN p_folded ~ '^\d{1,2}( ?x .*)?$' THEN jsonb_build_object('value', p_folded !~ '^0+\M') END,
        (SELECT jsonb_build_object('value', w.meaning::boolean) FROM prod_value_words AS w
          WHERE w.kind = 'boolean' AND w.word = substring(p_folded FROM '^[[:alpha:]]+(?=[\s,;:(.-])')))
$$;
COMMENT ON FUNCTION normalise._boolean(text) IS 'Yes or no in five languages, also as the first word (yes, 2 x HDMI), or as a number. Reads only.';

CREATE FUNCTION normalise._label_key(p_text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text := regexp_replace(normalise.fold(p_text), '[^[:alnum:]+#]+', ' ', 'g');
BEGIN
    IF v_key ~ '[es]( |$)' THEN
        v_key := regexp_replace(regexp_replace(regexp_replace(v_key, '(ss|x|z|ch|sh)es(?= |$)', '\1', 'g'), '(?<=[[:alpha:]]{3})s(?= |$)', '', 'g'),
                                '(?<=[[:alpha:]]{4})e(?= |$)', '', 'g');
    END IF;
    RETURN btrim(v_key);
END
$$;
COMMENT ON FUNCTION normalise._label_key(text) IS 'What labels of enum values are compared by: folded, words only, without the s, es or e of plurals and genders (boxes, envelopes, azules). Pure.';

CREATE FUNCTION normalise._colour_keys(p_texts text[]) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT CASE WHEN count(w.word) > 0 THEN normalise._label_key(string_agg(coalesce(w.meaning, t.word), ' ' ORDER BY t.n)) END
          FROM unnest(p_texts) WITH ORDINALITY AS x (text, place)
         CROSS JOIN LATERAL regexp_split_to_table(lower(extensions.unaccent('extensions.unaccent'::regdictionary, normalize(x.text, NFKC))), '[^[:alnum:]]+') WITH ORDINALITY AS t (word, n)
          LEFT JOIN prod_value_words AS w ON w.kind = 'colour' AND w.word = t.word
         GROUP BY x.place ORDER BY x.place);
END
$$;
COMMENT ON FUNCTION normalise._colour_keys(text[]) IS
    'The keys of labels with their words for colours in one language and shade: bleu marine and navy blue are blue blue; null without any. Reads only.';

CREATE FUNCTION normalise._enum_labels(p_allowed jsonb, OUT codes text[], OUT labels text[], OUT keys text[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH said AS (
        SELECT coalesce(a.v ->> 'code', a.v #>> '{}') AS code, a.v, a.n FROM jsonb_array_elements(p_allowed) WITH ORDINALITY AS a (v, n)
    ), named AS MATERIALIZED (
        SELECT q.*, normalise._label_key(q.label) AS key
          FROM (SELECT s.code, s.code AS label, s.n, 0 AS kind FROM said AS s
                UNION SELECT s.code, x #>> '{}', s.n, 0 FROM said AS s CROSS JOIN LATERAL jsonb_path_query(s.v, 'lax $.labels.*[*]') AS x WHERE jsonb_typeof(s.v) = 'object'
                -- A value that is named by several things is each of them: Pens and Pencils.
                UNION SELECT s.code, p.label, s.n, 1 FROM said AS s
                       CROSS JOIN LATERAL regexp_split_to_table(s.code, '\s*[,/()&]\s*|\s+(?:and|und|et|y|și|si)\s+', 'i') AS p (label)
                       WHERE s.code ~* '[,/()&]|\s(and|und|et|y|și|si)\s') AS q
    )
    SELECT array_agg(n.code ORDER BY n.kind, n.n, n.label), array_agg(n.label ORDER BY n.kind, n.n, n.label), array_agg(n.key ORDER BY n.kind, n.n, n.label)
      INTO codes, labels, keys
      FROM named AS n
     WHERE n.key <> '' AND (n.kind = 0 OR NOT EXISTS (SELECT FROM named AS o WHERE o.kind = 1 AND o.key = n.key AND o.code <> n.code));
END
$$;
COMMENT ON FUNCTION normalise._enum_labels(jsonb) IS
    'What allowed values are called, side by side: code, label, key; codes and labels in the order given, then the parts of codes that name several things. Pure.';

CREATE FUNCTION normalise._enum_hit(p_text text, p_colour text, p_codes text[], p_keys text[], p_colours text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(p_codes[array_position(p_keys, k.key)], p_codes[array_position(p_colours, p_colour)],
                    (SELECT l.code FROM unnest(p_codes, p_keys) WITH ORDINALITY AS l (code, key, n)
                      WHERE length(k.key) >= 5 AND replace(l.key, ' ', '') = replace(k.key, ' ', '') ORDER BY l.n LIMIT 1))
      FROM normalise._label_key(p_text) AS k (key)
     WHERE k.key <> ''
$$;
COMMENT ON FUNCTION normalise._enum_hit(text, text, text[], text[], text[]) IS
    'The allowed value whose label a text is: the same words, the same colours, or the same letters (bathmat, bath mat). Pure.';

CREATE FUNCTION normalise._enum_near(p_key text, p_colour text, p_codes text[], p_keys text[], p_colours text[]) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, extensions, pg_temp
AS $$
    SELECT q.code
      FROM (SELECT l.code, l.n, length(l.key) AS long,
                   CASE WHEN length(l.key) > 2 AND strpos(' ' || p_key || ' ', ' ' || l.key || ' ') > 0 THEN 0.9
                        WHEN length(l.colour) > 2 AND strpos(' ' || p_colour || ' ', ' ' || l.colour || ' ') > 0 THEN 0.85
                        ELSE similarity(l.key, p_key) END AS score
              FROM unnest(p_codes, p_keys, p_colours) WITH ORDINALITY AS l (code, key, colour, n)) AS q
     WHERE q.score >= 0.7 ORDER BY q.score DESC, q.long DESC, q.n LIMIT 1
$$;
COMMENT ON FUNCTION normalise._enum_near(text, text, text[], text[], text[]) IS
    'The allowed value of which a text has a label in it, or nearly is one (trigram similarity from 0.7). Reads only.';

CREATE FUNCTION normalise._enum_learnt(p_key text, p_codes text[], p_keys text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT q.code
      FROM (SELECT w.n, l.code, cardinality(string_to_array(p_key, ' ')) AS words, count(*) AS here, sum(count(*)) OVER (PARTITION BY w.n) AS everywhere
              FROM string_to_table(p_key, ' ') WITH ORDINALITY AS w (word, n)
              JOIN unnest(p_codes, p_keys) AS l (code, key) ON strpos(' ' || l.key || ' ', ' ' || w.word || ' ') > 0
             WHERE w.word ~ '^[[:alpha:]]{3,}$'
             GROUP BY w.n, l.code) AS q
     WHERE q.here >= CASE WHEN q.n = q.words THEN 2 ELSE 3 END AND q.here >= 0.8 * q.everywhere
     ORDER BY q.n DESC LIMIT 1
$$;
COMMENT ON FUNCTION normalise._enum_learnt(text, text[], text[]) IS
    'The allowed value that a word speaks for: its labels have it, hardly one of the others does. Two are enough for the last word, which mostly names '
    'the thing, three for the others. Pure.';

CREATE FUNCTION normalise._enum(p_text text, p_allowed jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_key text;
    v_colour text;
    v_names record;
    v_colours text[];
    v_code text;
BEGIN
    IF p_allowed ? p_text THEN
        RETURN jsonb_build_object('value', p_text);
    END IF;
    -- As it stands, as mostly.
    SELECT coalesce(a.v ->> 'code', a.v #>> '{}') INTO v_code
      FROM jsonb_array_elements(p_allowed) WITH ORDINALITY AS a (v, n)
     WHERE lower(coalesce(a.v ->> 'code', a.v #>> '{}')) = lower(p_text)
        OR jsonb_typeof(a.v) = 'object' AND EXISTS (SELECT FROM jsonb_path_query(a.v, 'lax $.labels.*[*]') AS x WHERE lower(x #>> '{}') = lower(p_text))
     ORDER BY a.n LIMIT 1;
    IF FOUND THEN
        RETURN jsonb_build_object('value', v_code);
    END IF;
    v_key := normalise._label_key(p_text);
    v_colour := (normalise._colour_keys(ARRAY[p_text]))[1];
    v_names := normalise._enum_labels(p_allowed);
    IF v_colour IS NOT NULL THEN
        v_colours := normalise._colour_keys(v_names.labels);
    END IF;
    v_code := normalise._enum_hit(p_text, v_colour, v_names.codes, v_names.keys, v_colours);
    IF v_code IS NULL AND p_text ~* '[/,;&+]|\s(and|und|et|y|și|si)\s' THEN
        SELECT h.code INTO v_code
          FROM regexp_split_to_table(p_text, '[/,;&+]|\s(?:and|und|et|y|și|si)\s', 'i') WITH ORDINALITY AS p (part, n)
         CROSS JOIN LATERAL normalise._enum_hit(p.part, CASE WHEN v_colour IS NOT NULL THEN (normalise._colour_keys(ARRAY[p.part]))[1] END, v_names.codes, v_names.keys, v_colours) AS h (code) WHERE h.code IS NOT NULL ORDER BY p.n LIMIT 1;
    END IF;
    v_code := coalesce(v_code, normalise._enum_near(v_key, v_colour, v_names.codes, v_names.keys, v_colours),
                       normalise._enum_learnt(v_key, v_names.codes, v_names.keys));
    RETURN CASE WHEN v_code IS NOT NULL THEN jsonb_build_object('value', v_code) END;
END
$$;
COMMENT ON FUNCTION normalise._enum(text, jsonb) IS
    'The allowed value that a text means, from the surest sign to the least: its code, a label in any language, the same colour, the first of several '
    'named, a label in the text, nearly a label, a word that many of its labels have; null for none. Reads only.';

CREATE FUNCTION normalise._bound(p_before text, p_after text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN t.before ~ '(<|≤|⩽|\m(up to|max|maxim|maximum|maximal|maximale|maximo|maxima|below|under|less than|at most|(not|no) more than|pana la|sub|cel mult|mai putin de|bis( zu)?|hochstens|unter|weniger als|jusqu''?a|au plus|moins de|inferieure? a|hasta|menos de|menor de|inferior a))[ .:=]*$'
            OR t.after ~ '^[ ,.()/]*(max|maxim|maximum|maximal|maximo|or less|oder weniger|ou moins|o menos|sau mai putin)\M' THEN 'max'
        WHEN t.before ~ '(>|≥|⩾|\m(from|min|minim|minimum|minimal|minimale|minimo|minima|over|above|more than|at least|(not|no) less than|peste|cel putin|mai mult de|de la|incepand de la|ab|uber|mindestens|mind|mehr als|a partir de|desde|plus de|au moins|superieure? a|al menos|mas de|mayor de|superior a))[ .:=]*$'
            OR t.after ~ '^([ ,.()/]*(min|minim|minimum|minimal|minimo|or more|and (up|over|more)|oder mehr|und mehr|ou plus|et plus|o mas|y mas|sau mai mult|si peste)\M|\s?\+\s*$)' THEN 'min' END
      FROM (SELECT normalise.fold(replace(p_before, '’', '''')) AS before, normalise.fold(p_after) AS after) AS t
$$;
COMMENT ON FUNCTION normalise._bound(text, text) IS
    'max or min: what the words before or after a number say it is (up to, mindestens, 5 W max); null for neither. In five languages. Pure.';

CREATE FUNCTION normalise._range(p_text text, p_unit text, p_family text, p_locale text, p_source_unit text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('value', CASE
               WHEN a.b IS NOT NULL THEN jsonb_build_object('min', least(a.a, a.b), 'max', greatest(a.a, a.b))
               ELSE CASE normalise._bound(a.before, CASE WHEN p_text ~ '\d ?\+' THEN '+' ELSE a.rest END) WHEN 'max' THEN jsonb_build_object('max', a.a)
                    WHEN 'min' THEN jsonb_build_object('min', a.a) ELSE jsonb_build_object('min', a.a, 'max', a.a) END END, 'unit', a.unit))
      FROM (SELECT (array_agg(m.amount ORDER BY m.place))[1] AS a, (array_agg(m.amount ORDER BY m.place))[2] AS b,
                   (array_agg(m.before ORDER BY m.place))[1] AS before, (array_agg(m.rest ORDER BY m.place))[1] AS rest, min(m.unit) AS unit
              FROM normalise._amounts(p_text, p_unit, p_family, p_locale, p_source_unit) AS m) AS a
     WHERE a.a IS NOT NULL
$$;
COMMENT ON FUNCTION normalise._range(text, text, text, text, text) IS
    '{"value": {"min", "max"}, "unit"}: 10-20 cm, 56Hz to 76Hz, up to 5; a single number is both ends. Reads only.';

CREATE FUNCTION normalise._dimensions(p_text text, p_unit text, p_family text, p_locale text, p_source_unit text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    WITH said AS (
        -- W60 is a side and its number; por and its like are an x here.
        SELECT regexp_replace(regexp_replace(p_text, '(?<![[:alpha:]]{2})(W|H|D|L|B|T|P|A(?!\d(?!\d))|F|An|Al|l|h|w|d|b|t|p)(?=\d)', ' \1 ', 'g'),
                              '(?<=[[:alnum:]"'')])\s+(por|mal|sur|pe|auf)\s+(?=\d)', ' x ', 'gi') AS text
    ), sides AS (
        SELECT a.*, coalesce(substring(a.rest FROM '^[\s"'']*\(?([WHDLBTwhdlbt])(?![[:alpha:]])'),
                             substring(a.before FROM '(?<![[:alpha:]])([WHDLBTwhdlbt])[\s:=.]*$'), left(substring(lower(a.before) FROM
                             '(width|height|depth|length|latime|lățime|inaltime|înălțime|adancime|adâncime|lungime|breite|höhe|tiefe|largeur|hauteur|profondeur|ancho|alto|fondo)[\s:=.]*$'), 1)) AS axis
          FROM said, normalise._amounts(said.text, p_unit, p_family, p_locale, p_source_unit) AS a
    ), header AS (
        SELECT regexp_match(p_text, '(?<![[:alpha:]])([WHDLBT])\s*[x×/]\s*([WHDLBT])(?:\s*[x×/]\s*([WHDLBT]))?(?![[:alpha:]])', 'i') AS letters
    )
    SELECT jsonb_strip_nulls(jsonb_build_object('value', jsonb_agg(s.amount ORDER BY s.place), 'unit', min(s.unit),
               'axes', CASE WHEN count(s.axis) = count(*) THEN upper(string_agg(s.axis, '' ORDER BY s.place))
                            WHEN (SELECT num_nonnulls(VARIADIC h.letters) FROM header AS h) = count(*)
                            THEN (SELECT upper(array_to_string(h.letters, '')) FROM header AS h) END))
      FROM (SELECT * FROM sides ORDER BY place LIMIT 4) AS s
    HAVING count(*) BETWEEN 2 AND 4
$$;
COMMENT ON FUNCTION normalise._dimensions(text, text, text, text, text) IS
    '{"value": [numbers in the order given], "unit", "axes"}: 10 x 20 x 30 cm; axes (WDH) when the text says which is which. Reads only.';

CREATE FUNCTION normalise._simple(p_text text, p_unit text, p_family text, p_locale text, p_source_unit text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_part text[] := regexp_match(p_text, '^([-+]?(?:(?:\d+(?:[ ]|-))?\d{1,2}/(?:2|3|4|5|6|8|10|12|16|32|64)(?!\d)|\d+(?:[.,]\d+)?|[.,]\d+))(?:[ -]?([^\s\d,;/()+-]{1,12}[23]?(?:/[a-zA-Z]{1,6}[23]?)?))?$');
    v_amount numeric;
    v_hit record;
BEGIN
    IF v_part IS NULL OR length(v_part[1]) > 30 THEN
        RETURN NULL;
    END IF;
    v_amount := CASE WHEN v_part[1] ~ '^-?\d+(\.(\d{1,2}|\d{4,}))?$' THEN trim_scale(v_part[1]::numeric) ELSE normalise.number(v_part[1], p_locale) END;
    IF v_part[2] IS NULL THEN
        RETURN jsonb_strip_nulls(jsonb_build_object('value', CASE WHEN p_unit IS NULL OR p_source_unit IS NULL OR p_source_unit = p_unit THEN v_amount
               ELSE normalise.convert(v_amount, p_source_unit, p_unit) END, 'unit', coalesce(p_unit, p_source_unit)));
    END IF;
    SELECT n.unit_code AS code, (n.name = v_part[2]) AS exact INTO v_hit
      FROM prod_unit_names AS n
     WHERE n.name_key = CASE WHEN v_part[2] ~ '^[a-zA-Z]+$' THEN lower(v_part[2]) ELSE normalise.unit_key(v_part[2]) END
       AND (p_family IS NULL OR n.family = p_family)
     ORDER BY exact DESC, n.rank LIMIT 1;
    IF NOT FOUND OR p_family IS NULL AND length(v_part[2]) = 1 THEN
        RETURN NULL;
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object('value', CASE WHEN p_unit IS NULL THEN v_amount ELSE normalise.convert(v_amount, v_hit.code, p_unit) END,
                                                'unit', coalesce(p_unit, nullif(v_hit.code, 'pcs'))));
END
$$;
COMMENT ON FUNCTION normalise._simple(text, text, text, text, text) IS
    '{"value", "unit"} of a text that is a number and a unit and nothing else, as most are; null for all others. Reads only.';

CREATE FUNCTION normalise._packed(p_count numeric, p_first numeric, p_each numeric, p_unit text) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE WHEN u.family IN ('mass', 'volume', 'power', 'data', 'energy', 'charge', 'luminous_flux') THEN p_count * p_each
                WHEN u.family IS NULL OR u.family IN ('length', 'area', 'pixels', 'count') THEN p_first ELSE p_each END
      FROM (SELECT 1) AS one LEFT JOIN prod_units AS u ON u.code = p_unit
$$;
COMMENT ON FUNCTION normalise._packed(numeric, numeric, numeric, text) IS
    'What 6 x 1.5 of a unit is: all of it where amounts add up (mass, volume, power), the first side of lengths and areas, else that of each. Reads only.';

CREATE FUNCTION normalise._number(p_text text, p_unit text, p_family text, p_locale text, p_source_unit text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_amount numeric;
    v_next numeric;
    v_unit text;
    v_rest text;
    v_count integer;
    v_simple jsonb := normalise._simple(p_text, p_unit, p_family, p_locale, p_source_unit);
BEGIN
    IF v_simple IS NOT NULL THEN
        RETURN v_simple;
    END IF;
    SELECT a.amount, a.unit, a.rest, lead(a.amount) OVER (ORDER BY a.place), count(*) OVER ()
      INTO v_amount, v_unit, v_rest, v_next, v_count
      FROM normalise._amounts(p_text, p_unit, p_family, p_locale, p_source_unit) AS a
     WHERE a.amount IS NOT NULL ORDER BY a.place LIMIT 1;
    IF v_amount IS NULL AND p_unit IS NULL THEN
        v_amount := normalise._word(normalise.fold(p_text), 'count')::numeric;
    ELSIF v_rest ~* '^\s*([-~]|to|bis|à|până la|pana la)\s*$' THEN
        -- Of a range the upper end: what is adjustable is named by what it reaches.
        v_amount := greatest(v_amount, v_next);
    ELSIF v_count = 2 AND v_rest ~ '^\s*x\s*$' AND p_text ~ '^\D*[1-9]\d{0,2}\s?[xX×*]\s?[\d.,]+\s?[[:alpha:]]' THEN
        v_amount := normalise._packed(substring(p_text FROM '\d+')::numeric, v_amount, v_next, v_unit);
    END IF;
    RETURN CASE WHEN v_amount IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object(
        'value', trim_scale(v_amount), 'unit', CASE WHEN v_unit <> 'pcs' OR p_unit IS NOT NULL THEN v_unit END)) END;
END
$$;
COMMENT ON FUNCTION normalise._number(text, text, text, text, text) IS
    '{"value", "unit"}: the first measure of the text, of a range its upper end, of a pack (6 x 1.5 l) what is in it, in the attribute''s unit; counts also in '
    'words (dual). Reads only.';

CREATE FUNCTION normalise._list(p_text text, p_unit text, p_family text, p_locale text, p_allowed jsonb, p_source_unit text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('value', jsonb_agg(q.value ORDER BY q.n), 'unit', min(q.unit)))
      FROM (SELECT DISTINCT ON (normalise.fold(e.v ->> 'value')) e.v -> 'value' AS value, e.v ->> 'unit' AS unit, p.n
              FROM regexp_split_to_table(p_text, '\s*[;|•\n]\s*|,\s+|,(?=\D)|\s+/\s+') WITH ORDINALITY AS p (item, n)
             CROSS JOIN LATERAL (SELECT CASE
                      WHEN p_family IS NOT NULL OR p_unit IS NOT NULL THEN normalise._number(p.item, p_unit, p_family, p_locale, p_source_unit)
                      WHEN p_allowed IS NOT NULL THEN normalise._enum(p.item, p_allowed)
                      WHEN normalise.clean_text(p.item) IS NOT NULL THEN jsonb_build_object('value', normalise.clean_text(p.item)) END) AS e (v)
             WHERE e.v IS NOT NULL
             ORDER BY normalise.fold(e.v ->> 'value'), p.n) AS q
    HAVING count(*) > 0
$$;
COMMENT ON FUNCTION normalise._list(text, text, text, text, jsonb, text) IS
    '{"value": [..], "unit"}: parts by comma, semicolon, bar, bullet or line, each read as the attribute''s kind says, each once. Reads only.';

-- Whoever calls it with plans made for each call: what is read for each of many values keeps its own.
CREATE FUNCTION normalise.value(p_raw text, p_data_type text, p_unit text DEFAULT NULL, p_unit_family text DEFAULT NULL,
    p_locale text DEFAULT NULL, p_allowed jsonb DEFAULT NULL, p_source_unit text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp SET plan_cache_mode = auto
AS $$
DECLARE
    v_text text := CASE WHEN p_raw ~ '[^\u0020-\u007e]|  ' THEN normalise.clean_text(p_raw) ELSE nullif(btrim(p_raw), '') END;
    v_unit text := p_unit;
    v_family text := p_unit_family;
    v_source text := p_source_unit;
BEGIN
    IF v_text IS NULL OR length(v_text) <= 40 AND v_text !~ '\d'
       AND EXISTS (SELECT FROM prod_value_words AS w WHERE w.kind = 'nothing' AND w.word = btrim(normalise.fold(v_text), ' .:'))
       AND NOT (p_data_type = 'boolean' AND EXISTS (SELECT FROM prod_value_words AS w WHERE w.kind = 'boolean' AND w.word = btrim(normalise.fold(v_text), ' .:'))) THEN
        RETURN NULL;
    END IF;
    IF v_unit IS NOT NULL AND p_data_type IN ('number', 'range', 'dimensions', 'list') THEN
        SELECT u.code, u.family INTO v_unit, v_family FROM prod_units AS u WHERE u.code = v_unit;
        IF NOT FOUND THEN
            SELECT u.code, u.family INTO v_unit, v_family FROM prod_units AS u WHERE u.code = normalise.unit(p_unit, p_unit_family);
        END IF;
        v_family := coalesce(v_family, p_unit_family);
    END IF;
    -- What is named for all values of a name may be none of this attribute's.
    IF p_source_unit IS NOT NULL AND v_family IS NOT NULL AND NOT EXISTS (SELECT FROM prod_units AS u WHERE u.code = p_source_unit AND u.family = v_family) THEN
        v_source := NULL;
    END IF;
    RETURN CASE p_data_type
        WHEN 'number' THEN normalise._number(v_text, v_unit, v_family, p_locale, v_source)
        WHEN 'boolean' THEN normalise._boolean(normalise.fold(v_text))
        WHEN 'enum' THEN CASE WHEN jsonb_typeof(p_allowed) = 'array' THEN normalise._enum(v_text, p_allowed) ELSE jsonb_build_object('value', v_text) END
        WHEN 'range' THEN normalise._range(v_text, v_unit, v_family, p_locale, v_source)
        WHEN 'dimensions' THEN normalise._dimensions(v_text, v_unit, v_family, p_locale, v_source)
        WHEN 'list' THEN normalise._list(p_raw, v_unit, v_family, p_locale, p_allowed, v_source)
        ELSE jsonb_build_object('value', v_text) END;
END
$$;
COMMENT ON FUNCTION normalise.value(text, text, text, text, text, jsonb, text) IS
    'A raw value as its attribute stores it: {"value"} or {"value", "unit"}, converted into p_unit; null when it cannot be read, and for words '
    'that mean nothing (n/a). p_source_unit: unit of numbers that carry none. Types: number; range ({"min", "max"}); dimensions ([..], '
    '"axes" when known); boolean; enum (one of p_allowed); list; else text. Reads only.';

CREATE FUNCTION normalise.brand_key(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(nullif(btrim(regexp_replace(k.key,
               '( |^)(incorporated|inc|corporation|corp|company|co|llc|ltd|limited|plc|gmbh|ag|kg|se|ohg|mbh|srl|s r l|spa|s p a|sa|s a|sas|sarl|bv|b v|nv|ab|oy|as|pte|pty|kk|co kg|gmbh co kg|group|holding|cie|s l|s r o|d o o|sp z o o|kft|and)(?= |$)',
               ' ', 'g')), ''), k.key)
      FROM (SELECT btrim(regexp_replace(regexp_replace(normalise.fold(translate(p_text, '™®©', '')), '^s\.\s?c\.\s+|[''’]', '', 'g'), '[^[:alnum:]]+', ' ', 'g')) AS key) AS k
$$;
COMMENT ON FUNCTION normalise.brand_key(text) IS 'What brands are compared by: folded, words only, without legal forms (Inc, GmbH, S.R.L.). Pure.';

CREATE FUNCTION normalise.brand(p_raw text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(
        (SELECT a.brand FROM prod_brand_aliases AS a WHERE a.alias_key = normalise.brand_key(c.text)),
        -- A short name before the name of a line: HP ProLiant.
        (SELECT a.brand || substring(c.text FROM '^\w{2,3}(\s.+)$') FROM prod_brand_aliases AS a
          WHERE a.alias_key = lower(substring(c.text FROM '^(\w{2,3})\s\w')) AND substring(c.text FROM '^\w{2,3}') = upper(substring(c.text FROM '^\w{2,3}'))),
        nullif(btrim(regexp_replace(regexp_replace(c.text, '^S\.\s?C\.\s+|[™®©]', '', 'g'),
            '(?:(?<!&)[\s,]+(?:(?:(?:gmbh|ag|se)\s*)?&\s*(?:co|cie)\.?,?\s*(?:kg|kgaa|ohg)|incorporated|inc|corporation|corp|co|llc|ltd|limited|plc|gmbh|mbh|ag|se|kg|kgaa|ohg'
            '|s\.?\s?r\.?\s?l|s\.?p\.?a|s\.?a\.?s|s\.?a\.?r\.?l|s\.?a|s\.?\s?l|b\.?v|n\.?v|ab|a/s|oy|kft|pty|pte|s\.\s?r\.\s?o|a\.\s?s|d\.o\.o|sp\.?\s*z\s*o\.?\s*o)\.?)+$', '', 'i'), ' ,.'), ''),
        c.text)
      FROM regexp_replace(regexp_replace(normalise.clean_text(p_raw), '^(?:brand|marke|marca|marcă|marque)\s*:\s*|^by (?=[[:upper:]])', '', 'i'), ' and (?=[[:upper:]])', ' & ') AS c (text)
     WHERE c.text <> '' AND NOT EXISTS (
        SELECT FROM prod_value_words AS w WHERE w.kind = 'nothing' AND w.word = btrim(normalise.fold(c.text), ' .:'))
$$;
COMMENT ON FUNCTION normalise.brand(text) IS
    'A brand as it is to be written: the alias table''s spelling, else its own without legal forms, marks and what says that it is one; null for none. Reads only.';

CREATE FUNCTION normalise.add_brand_alias(p_alias text, p_brand text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO prod_brand_aliases (alias_key, brand) VALUES (normalise.brand_key(p_alias), normalise.clean_text(p_brand))
    ON CONFLICT (alias_key) DO UPDATE SET brand = excluded.brand WHERE prod_brand_aliases.brand <> excluded.brand
$$;
COMMENT ON FUNCTION normalise.add_brand_alias(text, text) IS 'Remember that a spelling means a brand; again with another brand replaces it. Idempotent.';

CREATE FUNCTION normalise.is_same_brand(p_one text, p_other text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT replace(normalise.brand_key(normalise.brand(p_one)), ' ', '') = replace(normalise.brand_key(normalise.brand(p_other)), ' ', '')
$$;
COMMENT ON FUNCTION normalise.is_same_brand(text, text) IS 'Whether two spellings mean one brand, whatever stands between their letters; null when one is none. Reads only.';

GRANT EXECUTE ON FUNCTION normalise.unit(text, text), normalise.convert(numeric, text, text), normalise.measures(text, text, text),
    normalise.value(text, text, text, text, text, jsonb, text), normalise.brand_key(text), normalise.brand(text), normalise.is_same_brand(text, text)
    TO neanelu_platform, neanelu_pim_editor, neanelu_analyst, neanelu_operator, neanelu_harvester;
GRANT EXECUTE ON FUNCTION normalise.add_brand_alias(text, text) TO neanelu_pim_editor, neanelu_operator;

COMMIT;

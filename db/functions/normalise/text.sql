-- Deploy neanelu:functions/normalise/text to pg
-- requires: schema/ground
-- Texts made comparable: what look-ups in names, units, words and brands go by. Pure functions.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise.plain_letters(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(extensions.unaccent('extensions.unaccent'::regdictionary, p_text));
COMMENT ON FUNCTION normalise.plain_letters(text) IS 'A text in small letters without diacritics: what every comparable form of a text begins with. Pure.';

CREATE FUNCTION normalise.fold(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT btrim(regexp_replace(normalise.plain_letters(normalize(p_text, NFKC)), '\s+', ' ', 'g'))
$$;
COMMENT ON FUNCTION normalise.fold(text) IS
    'A text in small letters, without diacritics, with single spaces: two texts that differ in nothing else compare equal. Pure.';

CREATE FUNCTION normalise.clean_text(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT nullif(btrim(regexp_replace(translate(normalize(p_text, NFC), E'\u200b\u200c\u200d\ufeff\u00ad\ufe0f', ''),
                                       '[\s\u00a0\u0001-\u001f]+', ' ', 'g')), '')
$$;
COMMENT ON FUNCTION normalise.clean_text(text) IS
    'A text as it may be shown: composed characters, single spaces, no control or invisible characters; null when nothing is left. Pure.';

CREATE FUNCTION normalise.name_key(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(btrim(regexp_replace(normalise.fold(regexp_replace(
               regexp_replace(p_text, '(?<=[[:lower:]])(?=[[:upper:]][[:lower:]])', ' ', 'g'), '\((s|es|n|en|e|i|uri)\)', '', 'g')),
               '[^[:alnum:]+#%]+', ' ', 'g')), 255)
$$;
COMMENT ON FUNCTION normalise.name_key(text) IS
    'What names of attributes are looked up by: folded words with single spaces; screenSize, Screen-Size and screen_size are one. Pure.';

CREATE FUNCTION normalise.unit_key(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT regexp_replace(normalise.plain_letters(
               replace(replace(translate(p_text, '²³µμ′’‘´`″“”º‐‑–—', '23uu''''''''''"""°----'), '''''', '"'), 'Ω', 'ohm')), '[-\s.^_·*]', '', 'g')
$$;
COMMENT ON FUNCTION normalise.unit_key(text) IS
    'What a unit''s name is looked up by: small letters without diacritics, spaces, dots and hyphens; fl. oz. becomes floz. Pure.';

CREATE FUNCTION normalise.measure_text(p_text text, p_locale text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_text text := p_text;
    v_group text;
BEGIN
    IF p_text ~ '[^\u0020-\u007e]' THEN
        v_text := regexp_replace(v_text, '(\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))', '\1', 'g');
        v_text := regexp_replace(v_text, '([¼½¾⅐-⅞])', ' \1', 'g');
        -- Accents that stand for quotes before NFKC makes them marks over a space.
        v_text := translate(regexp_replace(v_text, '[Øø⌀∅]\s*(?=\d)', ' ', 'g'), '²³´¨÷º', '23''"~°');
        v_text := translate(normalize(v_text, NFKC), '⁄′’‘`″“”„‐‑‒–—−×✕·', '/''''''''""""------xx.');
    END IF;
    v_text := regexp_replace(v_text, '(?<=[[:alnum:]°%"''])\s*\.{2,}\s*(?=[-+]?\s?\d)', ' ~ ', 'g');
    IF v_text ~* '\m(minus|moins|menos)\s|^- |\dh ?\d|^x\d' THEN
        v_text := regexp_replace(v_text, '(?:\mminus|(?<!(?:au|al|lo|du) )\m(?:moins|menos))\s+(?=\d)|^-\s+(?=\d[\d.,\s]*(?:°|deg|grad|dB|K\M))', '-', 'gi');
        v_text := regexp_replace(regexp_replace(v_text, '(\d)\s?h\s?(\d{1,2})(?:\s?(?:m|min|mn))?(?![[:alnum:]])', '\1 h \2 min', 'gi'), '^x(?=\d+$)', '', 'i');
    END IF;
    v_text := replace(v_text, '''''', '"');
    v_text := regexp_replace(v_text, '(\d)''(?=\d{3}(?!\d))', '\1', 'g');
    IF v_text ~ '\d \d{3}' THEN
        -- "1 234,5" and "1 234 567" are numbers everywhere, "1 234" only where people write so.
        FOR v_group IN SELECT m[1] FROM regexp_matches(v_text, '(?<![\d.,])(\d{1,3}(?: \d{3})+(?=,\d{1,2}(?!\d))|\d{1,3}(?: \d{3}){2,}(?!\d))', 'g') AS m LOOP
            v_text := replace(v_text, v_group, replace(v_group, ' ', ''));
        END LOOP;
        IF left(p_locale, 2) IN ('ro', 'de', 'fr', 'es', 'it', 'pt', 'pl', 'cs', 'sk', 'hu', 'bg', 'ru', 'uk', 'sv', 'nb', 'fi', 'da') THEN
            v_text := regexp_replace(v_text, '(?<![\d.,])(\d{1,3}) (?=\d{3}(?!\d))', '\1', 'g');
        END IF;
    END IF;
    v_text := regexp_replace(v_text, '(\d\s*(?:[a-zA-Z]{1,6}\.?|"|'')?(?: ?\([[:alpha:]]{1,2}\))?)\s*(?:[xX*]|\mby\M)\s*(?=\d)', '\1 x ', 'g');
    RETURN btrim(regexp_replace(regexp_replace(v_text, 'l ?/ ?100 ?km', 'l_100km', 'gi'), '(?<=\d\s?)(?:min ?- ?1|1/min)\M', 'rpm', 'gi'));
END
$$;
COMMENT ON FUNCTION normalise.measure_text(text, text) IS
    'A text with measures in one spelling: plain quotes, hyphens and fractions, groups of digits closed up, an x between factors. Pure.';

CREATE FUNCTION normalise.number(p_text text, p_locale text DEFAULT NULL) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_text text := replace(btrim(p_text), '+', '');
    v_part text[];
    v_dots integer;
    v_commas integer;
BEGIN
    IF v_text ~ '/' THEN
        v_part := regexp_match(v_text, '^(-?)(?:(\d+)[\s-]+)?(\d+)/(\d+)$');
        IF v_part IS NULL OR v_part[4]::numeric = 0 OR length(v_text) > 40 THEN
            RETURN NULL;
        END IF;
        RETURN (coalesce(v_part[2], '0')::numeric + round(v_part[3]::numeric / v_part[4]::numeric, 10)) * CASE v_part[1] WHEN '-' THEN -1 ELSE 1 END;
    END IF;
    IF length(v_text) > 40 OR v_text !~ '^-?[\d.,'' \u00a0\u202f]*\d([eE][-+]?\d{1,2})?$' THEN
        RETURN NULL;
    END IF;
    v_text := translate(v_text, E' \u00a0\u202f''', '');
    v_dots := length(v_text) - length(replace(v_text, '.', ''));
    v_commas := length(v_text) - length(replace(v_text, ',', ''));
    IF v_dots > 0 AND v_commas > 0 THEN
        v_text := CASE WHEN strpos(reverse(v_text), '.') < strpos(reverse(v_text), ',') THEN replace(v_text, ',', '')
                       ELSE replace(replace(v_text, '.', ''), ',', '.') END;
    ELSIF v_commas > 1 OR v_dots > 1 THEN
        v_text := translate(v_text, '.,', '');
    ELSIF v_commas = 1 THEN
        v_text := CASE WHEN v_text ~ '^-?[1-9]\d{0,2},\d{3}$' AND coalesce(left(p_locale, 2), 'en') = 'en' THEN replace(v_text, ',', '')
                       ELSE replace(v_text, ',', '.') END;
    ELSIF v_dots = 1 AND v_text ~ '^-?[1-9]\d{0,2}\.\d{3}$' AND left(p_locale, 2) IN ('ro', 'de', 'es', 'it', 'pt', 'da', 'nl', 'tr') THEN
        v_text := replace(v_text, '.', '');
    END IF;
    RETURN CASE WHEN v_text ~ '^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?$' THEN trim_scale(v_text::numeric) END;
END
$$;
COMMENT ON FUNCTION normalise.number(text, text) IS
    'A number out of its text: 1.234,5 and 1,234.5 and 1 234,5, 15-1/2, 5 1/2, 1.5E3; null for what is none. What can be read both ways '
    '(1.234) goes by the locale, without one as in English. Pure.';

GRANT EXECUTE ON FUNCTION normalise.fold(text), normalise.clean_text(text), normalise.name_key(text), normalise.unit_key(text), normalise.measure_text(text, text),
    normalise.number(text, text), normalise.plain_letters(text)
    TO neanelu_owner, neanelu_platform, neanelu_pim_editor, neanelu_analyst, neanelu_operator, neanelu_harvester;
-- As normalise.title, which it begins.
GRANT EXECUTE ON FUNCTION normalise.plain_letters(text) TO neanelu_tenant;

COMMIT;

-- Deploy neanelu:functions/normalise/identifiers to pg
-- requires: policies/pim
-- requires: functions/normalise/text
-- Numbers that name a product, and titles folded so that two spellings compare as equal.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- Without a SET clause, so that it is folded into the expressions that call it.
CREATE FUNCTION normalise._check_digit(p_digits text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (10 - (3 * (p_digits::bigint % 10 + p_digits::bigint / 100 % 10 + p_digits::bigint / 10000 % 10 + p_digits::bigint / 1000000 % 10 + p_digits::bigint / 100000000 % 10
         + p_digits::bigint / 10000000000 % 10 + p_digits::bigint / 1000000000000 % 10 + p_digits::bigint / 100000000000000 % 10 + p_digits::bigint / 10000000000000000 % 10)
       + p_digits::bigint / 10 % 10 + p_digits::bigint / 1000 % 10 + p_digits::bigint / 100000 % 10 + p_digits::bigint / 10000000 % 10 + p_digits::bigint / 1000000000 % 10
         + p_digits::bigint / 100000000000 % 10 + p_digits::bigint / 10000000000000 % 10 + p_digits::bigint / 1000000000000000 % 10) % 10)::integer % 10;
COMMENT ON FUNCTION normalise._check_digit(text) IS
    'GS1 check digit of a number of up to 17 digits without it: weights 3 and 1 from the right. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._expand_upce(p_digits text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT substr(p_digits, 1, 1)
        || CASE
               WHEN substr(p_digits, 7, 1) IN ('0', '1', '2')
                   THEN substr(p_digits, 2, 2) || substr(p_digits, 7, 1) || '0000' || substr(p_digits, 4, 3)
               WHEN substr(p_digits, 7, 1) = '3' THEN substr(p_digits, 2, 3) || '00000' || substr(p_digits, 5, 2)
               WHEN substr(p_digits, 7, 1) = '4' THEN substr(p_digits, 2, 4) || '00000' || substr(p_digits, 6, 1)
               ELSE substr(p_digits, 2, 5) || '0000' || substr(p_digits, 7, 1)
           END
        || substr(p_digits, 8, 1)
$$;
COMMENT ON FUNCTION normalise._expand_upce(text) IS
    'UPC-A (12 digits) that a UPC-E (8 digits with number system and check digit) stands for. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._isbn13(p_isbn text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, normalise, pg_temp
AS $$
    SELECT '978' || left(p_isbn, 9) || normalise._check_digit('978' || left(p_isbn, 9))
      FROM string_to_table(p_isbn, NULL) WITH ORDINALITY AS d (digit, position)
    HAVING sum((11 - d.position) * CASE d.digit WHEN 'X' THEN 10 ELSE ascii(d.digit) - 48 END) % 11 = 0
$$;
COMMENT ON FUNCTION normalise._isbn13(text) IS
    'ISBN-13 of an ISBN-10, null when its check digit is wrong. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise._is_product_number(p_gtin text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- A GTIN-8: 0 and 2 are for use within a company.
    WHEN p_gtin LIKE '000000%' THEN substr(p_gtin, 7, 1) NOT IN ('0', '2')
    -- 02, 04, 2x: within a company or region; 05, 99, 981 to 984: coupons; 980: refunds. UPC number systems 2, 4, 5 are 02, 04, 05.
    WHEN substr(p_gtin, 2, 3) ~ '^(0[245]|2|98[0-4]|99)' THEN false
    -- 1111111111116 and its like are typed to get past a form.
    ELSE substr(p_gtin, 2, 12) !~ '^(\d)\1{11}$'
END;
COMMENT ON FUNCTION normalise._is_product_number(text) IS
    'Whether 14 digits with a right check digit may name a product everywhere: no restricted circulation, no coupon, no filler. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.gtin(p_raw text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, normalise, pg_temp
AS $$
DECLARE
    v_number text := CASE WHEN p_raw ~ '^(\d{8}|\d{12,14})$' THEN p_raw ELSE upper(regexp_replace(regexp_replace(normalize(p_raw, NFKC), '^\s*[="'']+|[\s"'',;]+$|^\s*(https?://\S*/01/|\(01\))', '', 'g'),
        '^\s*(gtin|ean|upc|jan|isbn)([-_ ]?(8|1[0-4]|a|e)(?!\d))?\s*[:#=]?\s*|^[[:alpha:] .]{2,30}:\s*|\.0+$|[\s\u00a0.\-\u2010-\u2015_/]', '', 'gi')) END;
BEGIN
    IF v_number ~ '^\d{9}[\dX]$' THEN
        v_number := normalise._isbn13(v_number);
    ELSIF v_number ~ '^0\d{7}$' THEN
        v_number := normalise._expand_upce(v_number);
    END IF;
    IF v_number IS NULL OR v_number !~ '^(\d{8}|\d{12,14})$' THEN
        RETURN NULL;
    END IF;
    v_number := lpad(v_number, 14, '0');
    IF right(v_number, 1)::integer <> normalise._check_digit(left(v_number, 13)) OR NOT normalise._is_product_number(v_number) THEN
        RETURN NULL;
    END IF;
    RETURN v_number;
END
$$;
COMMENT ON FUNCTION normalise.gtin(text) IS
    'GTIN-8, 12, 13 or 14, UPC-E (8 digits that begin with 0), ISBN-10 or ISBN-13 as 14 digits; null when length or check digit are wrong, or the '
    'number is for restricted circulation, a coupon or a filler. Separators, a label before it (also (01)), quotes and what spreadsheets add (an apostrophe, .0) are read over. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.mpn(p_raw text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, extensions, pg_temp
AS $$
    SELECT m.folded
      FROM (SELECT regexp_replace(upper(unaccent('unaccent'::regdictionary, p_raw)), '[^A-Z0-9]+', '', 'g')) AS m (folded)
     WHERE length(m.folded) BETWEEN 3 AND 60 AND m.folded !~ '^0+$'
       AND m.folded NOT IN ('DOESNOTAPPLY', 'NOTAPPLICABLE', 'NOTAVAILABLE', 'NONE', 'NULL', 'UNKNOWN', 'UNBRANDED', 'GENERIC', 'TBA', 'TBD',
                            'FARA', 'NECUNOSCUT', 'UNBEKANNT', 'INCONNU', 'DESCONOCIDO', 'SEETITLE', 'SEEDESCRIPTION', 'OTHER', 'DEFAULT')
$$;
COMMENT ON FUNCTION normalise.mpn(text) IS
    'Part number in capitals without anything but letters and digits (MB769G/A becomes MB769GA); null for what says that there is none. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.title(p_raw text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, extensions, pg_temp
AS $$
    SELECT btrim(regexp_replace(regexp_replace(regexp_replace(
               -- Marks first: folding makes letters of them.
               normalise.plain_letters(normalize(translate(p_raw, '™®©', '   '), NFKC)),
               '(\d)\s*(''''|["\u2033\u201d\u2032'']|[- ]?(inch(es)?|zoll|inci|toli|pouces?|pulgadas?)\M)', '\1in ', 'g'),
               '\((r|c|tm)\)', ' ', 'g'),
               '\s+', ' ', 'g'))
$$;
COMMENT ON FUNCTION normalise.title(text) IS
    'A title to be compared: lower case, no diacritics, no marks, inches as "in", single spaces. '
    'Reads nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION normalise.gtin(text), normalise.mpn(text), normalise.title(text)
    TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator, neanelu_harvester;

COMMIT;

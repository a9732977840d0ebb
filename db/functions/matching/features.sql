-- Deploy neanelu:functions/matching/features to pg
-- requires: policies/matching
-- requires: functions/normalise/identifiers
-- What a title says, taken apart: words, codes, numbers with what they count, colours. Rules about how titles are written, in general;
-- no lists of products, brands or shops.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- Shapes instead of regular expressions: PostgreSQL keeps only 32 compiled ones, and titles come by the million.
-- What is frequent stands first, for it is looked for from the left.
CREATE FUNCTION matching._shape(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(p_text, 'earionts0l1cdu2mp5gh3b48v6kf7w9yxzjq', 'aaaaaaaa9a9aaa9aa9aa9a99a9aa9a9aaaaa');
COMMENT ON FUNCTION matching._shape(text) IS 'Folded text with 9 for every digit and a for every letter. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._is_code(p_shape text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN length(p_shape) BETWEEN 4 AND 20 AND p_shape LIKE '%9%' AND p_shape LIKE '%a%' OR length(p_shape) BETWEEN 6 AND 20 AND p_shape NOT LIKE '%a%';
COMMENT ON FUNCTION matching._is_code(text) IS
    'Whether letters and digits of this shape are a distinctive code: both, at least four characters, or at least six digits. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._prior(p_token text) RETURNS real
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN left(p_token, 1) IN ('#', '~') THEN 0.5
    WHEN length(p_token) = 1 THEN 8
    WHEN matching._shape(p_token) NOT LIKE '%9%' THEN 2
    WHEN length(p_token) >= 5 OR length(p_token) = 4 AND matching._shape(p_token) LIKE '%a%' THEN 0.5
    ELSE 4
END;
COMMENT ON FUNCTION matching._prior(text) IS
    'How many of 200 golden records are expected to have a token of this kind before any were counted: codes half a one, words two, numbers four, '
    'single characters eight. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._is_unit(p_text text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN p_text = ANY ('{in,ft,yd,mm,cm,dm,m,km,l,ml,cl,dl,g,mg,kg,oz,lb,lbs,gal,qt,b,kb,mb,gb,tb,bit,bits,mbps,gbps,hz,khz,mhz,ghz,v,kv,mv,w,kw,wh,kwh,a,ma,mah,ah,x,p,i,k,s,ms,min,h,hr,hrs,d,st,nd,rd,th,mp,mpx,mpix,ch,dpi,ppm,rpm,db,dba,btu,lm,nit,nits,pk,pc,pcs,ct,cu,sq,c,f}'::text[]);
COMMENT ON FUNCTION matching._is_unit(text) IS
    'Whether letters right behind a number are a unit or an ordinal rather than part of a code. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._is_number(p_shape text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_shape <> '' AND rtrim(ltrim(p_shape, '9'), '9') IN ('', '.') AND p_shape NOT LIKE '.%' AND p_shape NOT LIKE '%.';
COMMENT ON FUNCTION matching._is_number(text) IS 'Whether a shape is that of a number: 9, 99.9. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._kind(p_chunk text, p_shape text, p_joined text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN matching._is_number(p_shape) THEN CASE WHEN length(p_joined) >= 5 THEN 'code' ELSE 'number' END
    WHEN matching._is_number(rtrim(p_shape, 'a')) AND matching._is_unit(substr(p_chunk, length(rtrim(p_shape, 'a')) + 1)) THEN 'measure'
    WHEN p_shape LIKE '9%' AND p_shape NOT LIKE '%aaaa%' AND (length(p_joined) < 6 OR p_joined LIKE '%x%' OR p_shape LIKE '%a')
         AND p_chunk ~ '^\d+(\.\d+)?([^a-z0-9.]\d+(\.\d+)?)+[a-z]{0,3}$|^\d+(\.\d+)?(x\d+(\.\d+)?)+[a-z]{0,2}$' THEN 'range'
    WHEN p_shape LIKE '9%-a%' AND rtrim(ltrim(p_shape, '9'), 'a') = '-' THEN 'count'
    WHEN matching._is_code(CASE WHEN p_joined = p_chunk THEN p_shape ELSE matching._shape(p_joined) END) THEN 'code'
    ELSE 'word'
END;
COMMENT ON FUNCTION matching._kind(text, text, text) IS 'Kind of a piece, see matching.piece. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._pieces(p_titles text[]) RETURNS SETOF matching.piece
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH chunk AS (
        SELECT t.item, c.position, btrim(c.raw, '.,;:()[]{}!?*&"''|-/+#<>=') AS chunk, c.raw IN ('-', '/', '|', ',') OR c.raw LIKE '%,' AS is_break
          FROM unnest(p_titles) WITH ORDINALITY AS t (title, item), string_to_table(t.title, ' ') WITH ORDINALITY AS c (raw, position)
    ), placed AS (
        SELECT c.item, c.position, c.chunk, matching._shape(c.chunk) AS shape, regexp_replace(c.chunk, '[^a-z0-9]+', '-', 'g') AS hyphened,
               coalesce(max(c.position) FILTER (WHERE c.chunk = ANY ('{for,fits,fit,compatible,pour,fur,para,pentru,compatibil,compatibila,kompatibel,per}')) OVER w, 0)
               <= coalesce(max(c.position) FILTER (WHERE c.is_break) OVER w, 0) AS is_own
          FROM chunk AS c
        WINDOW w AS (PARTITION BY c.item ORDER BY c.position)
    ), kinds AS MATERIALIZED (
        SELECT p.*, replace(p.hyphened, '-', '') AS joined, matching._kind(p.chunk, p.shape, replace(p.hyphened, '-', '')) AS kind
          FROM placed AS p
    )
    SELECT k.item::integer, k.position::integer, k.kind, k.chunk, k.joined, array_remove(string_to_array(k.hyphened, '-'), ''),
           CASE WHEN k.kind IN ('number', 'measure', 'count') THEN left(k.chunk, length(k.shape) - length(ltrim(k.shape, '9.'))) END,
           CASE k.kind
               WHEN 'measure' THEN substr(k.chunk, length(rtrim(k.shape, 'a')) + 1)
               WHEN 'range' THEN substr(k.chunk, length(rtrim(k.shape, 'a')) + 1)
               WHEN 'count' THEN substr(k.chunk, length(rtrim(k.shape, 'a')) + 1)
           END, k.is_own
      FROM kinds AS k
     WHERE k.joined <> ''
$$;
COMMENT ON FUNCTION matching._pieces(text[]) IS
    'Parts of folded titles in order, each with its kind. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._codes(p_pieces matching.piece[]) RETURNS TABLE (item integer, code text, is_own boolean)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    SELECT c.item, c.code, bool_or(c.is_own)
      FROM (SELECT p.item, p.joined, p.is_own FROM unnest(p_pieces) AS p WHERE p.kind = 'code'
            UNION ALL
            SELECT p.item, part, p.is_own
              FROM unnest(p_pieces) AS p, unnest(p.parts) AS part
             WHERE cardinality(p.parts) > 1 AND p.kind IN ('code', 'word') AND length(part) >= 5 AND matching._is_code('9' || matching._shape(part))
                   AND part <> p.joined AND matching._shape(part) LIKE '%9%') AS c (item, code, is_own)
     GROUP BY c.item, c.code
$$;
COMMENT ON FUNCTION matching._codes(matching.piece[]) IS
    'Distinctive codes: letters with digits of at least four characters, numbers of at least five, joined over hyphens and also in their parts. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._measures(p_pieces matching.piece[]) RETURNS TABLE (item integer, measures text[])
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH ordered AS (
        SELECT p.item, p.kind, p.chunk, p.number, p.unit, lead(p.parts[1]) OVER w AS next, lag(p.parts[cardinality(p.parts)]) OVER w AS previous
          FROM unnest(p_pieces) AS p
        WINDOW w AS (PARTITION BY p.item ORDER BY p.position)
    ), found AS (
        SELECT o.item, m.context, m.number, m.is_word
          FROM ordered AS o
         CROSS JOIN LATERAL (
            SELECT o.unit, o.number, false WHERE o.kind IN ('measure', 'count')
            UNION ALL SELECT o.unit, part, false FROM regexp_split_to_table(o.chunk, '[^0-9.]+') AS part WHERE o.kind = 'range' AND o.unit <> ''
            UNION ALL SELECT o.next, o.number, true WHERE o.kind = 'number'
            UNION ALL SELECT '<' || o.previous, o.number, true WHERE o.kind = 'number'
            UNION ALL SELECT '', o.number, false WHERE o.kind IN ('number', 'count')) AS m (context, number, is_word)
         WHERE o.kind IN ('number', 'measure', 'range', 'count')
    )
    SELECT f.item, array_agg(DISTINCT coalesce(u.base, CASE WHEN length(f.context) > 2 THEN rtrim(f.context, 's') ELSE f.context END)
                                      || '=' || trim_scale(f.number::numeric * coalesce(u.factor, 1)))
      FROM found AS f
      -- One name for what is counted in several units, and for what a size or an ordinal is called.
      LEFT JOIN (VALUES ('kg', 'g', 1000), ('mg', 'g', 0.001), ('l', 'ml', 1000), ('cl', 'ml', 10), ('dl', 'ml', 100), ('tb', 'gb', 1000), ('mb', 'gb', 0.001),
                        ('st', 'th', 1), ('nd', 'th', 1), ('rd', 'th', 1), ('<marime', '<size', 1), ('<marimea', '<size', 1), ('<gr', '<size', 1), ('<grosse', '<size', 1),
                        ('<taille', '<size', 1), ('<talla', '<size', 1), ('<masura', '<size', 1), ('<eu', '<size', 1), ('<eur', '<size', 1),
                        ('<volume', '<vol', 1), ('<volumul', '<vol', 1), ('<band', '<vol', 1), ('<tome', '<vol', 1), ('<tomo', '<vol', 1)) AS u (context, base, factor)
        ON u.context = f.context
     WHERE matching._is_number(matching._shape(f.number)) AND length(f.number) < 12 AND f.context IS NOT NULL
       AND NOT (f.is_word AND (matching._shape(f.context) LIKE '%9%' OR ltrim(f.context, '<')
                = ANY ('{a,and,for,with,in,the,of,to,w,or,x,de,si,cu,und,mit,et,avec,y,con}')))
     GROUP BY f.item
$$;
COMMENT ON FUNCTION matching._measures(matching.piece[]) IS
    'Numbers with what they count: the unit behind them, else the next word, and the word before (versions); =n for any. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._colours(p_words text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT c.colour), '{}')
      FROM (VALUES
        ('black', '{black,negru,neagra,negre,schwarz,schwarze,noir,noire,negro,blk}'::text[]),
        ('white', '{white,alb,alba,albe,weiss,weisse,blanc,blanche,blanco,blanca,wht}'),
        ('silver', '{silver,argintiu,argintie,silber,argent,argente,plata,plateado,titanium,platinum}'),
        ('red', '{red,rosu,rosie,rot,rote,rouge,rojo,roja,crimson,burgundy}'),
        ('blue', '{blue,albastru,albastra,blau,blaue,bleu,bleue,azul,navy}'),
        ('green', '{green,verde,grun,grune,vert,verte}'),
        ('yellow', '{yellow,galben,galbena,gelb,gelbe,jaune,amarillo,amarilla}'),
        ('pink', '{pink,roz,rosa,rose,fuchsia,magenta}'),
        ('purple', '{purple,mov,lila,violet,violette,morado,lavender}'),
        ('orange', '{orange,portocaliu,portocalie,naranja}'),
        ('grey', '{grey,gray,gri,grau,graue,gris,graphite,anthracite,charcoal}'),
        ('brown', '{brown,maro,braun,braune,brun,marron,chocolate}'),
        ('gold', '{gold,auriu,aurie,golden,dorado}'),
        ('beige', '{beige,bej,cream,ivory}')) AS c (colour, words)
     WHERE c.words && p_words
$$;
COMMENT ON FUNCTION matching._colours(text[]) IS
    'Colours among folded words in English, Romanian, German, French and Spanish, by their English names. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._sign_words() RETURNS TABLE (sign text, word text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 300
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.sign, w.word
      FROM (VALUES
        ('^size=1', '{xxs}'::text[]), ('^size=2', '{xs}'), ('^size=3', '{small}'), ('^size=4', '{medium}'), ('^size=5', '{large}'),
        ('^size=6', '{xl}'), ('^size=7', '{xxl,2xl}'), ('^size=8', '{xxxl,3xl}'), ('^size=9', '{4xl}'), ('^size=10', '{5xl}'),
        ('^side=1', '{left,links,linke,linker,stanga,stang,gauche,izquierda,izquierdo}'),
        ('^side=2', '{right,rechts,rechte,rechter,dreapta,drept,droite,droit,derecha,derecho}'),
        ('^end=1', '{front,vorne,vorn,vorderachse,fata,avant,delantero,delantera}'),
        ('^end=2', '{rear,hinten,hinterachse,spate,arriere,trasero,trasera}'),
        ('^people=1', '{men,mens,man,male,barbati,barbat,barbatesc,herren,herr,homme,hommes,hombre,hombres}'),
        ('^people=2', '{women,womens,woman,ladies,female,femei,dama,dame,damen,femme,femmes,mujer,mujeres}'),
        ('^people=3', '{kids,kid,children,childrens,junior,youth,copii,kinder,enfant,enfants,ninos,infantil}'),
        ('^binding=1', '{hardcover,hardback,gebunden,relie,cartonata,cartonat}'),
        ('^binding=2', '{paperback,softcover,taschenbuch,brosata,brosat,broche,poche}'),
        ('^binding=3', '{ebook,kindle,epub}'), ('^binding=4', '{audiobook,audiolibro,horbuch,audiocarte}'),
        ('^scent=1', '{edp,"de parfum"}'), ('^scent=2', '{edt,"de toilette"}'), ('^scent=3', '{edc,"de cologne"}'),
        ('^form=1', '{beans,boabe,bohnen,grains,granos}'), ('^form=2', '{ground,macinata,gemahlen,moulu,molido}'), ('^form=3', '{capsules,capsule,kapseln,capsulas,pods}'),
        ('^wire=1', '{wired,kabelgebunden,filaire,alambrico}'), ('^wire=2', '{wireless,cordless,kabellos,inalambrico}'),
        ('^language=1', '{"english edition","edition anglaise","englische ausgabe","editia engleza"}'),
        ('^language=2', '{"french edition","edition francaise","franzosische ausgabe","editia franceza"}'),
        ('^language=3', '{"german edition","edition allemande","deutsche ausgabe","editia germana"}'),
        ('^language=4', '{"spanish edition","edition espagnole","spanische ausgabe","editia spaniola","edicion espanola"}'),
        ('^language=5', '{"romanian edition","editia romana"}'),
        ('th=1', '{first,prima,erste,premiere,primera}'), ('th=2', '{second,zweite,deuxieme,segunda}'), ('th=3', '{third,treia,dritte,troisieme,tercera}'),
        ('th=4', '{fourth,patra,vierte,quatrieme,cuarta}'), ('th=5', '{fifth,cincea,funfte,cinquieme,quinta}'), ('th=6', '{sixth,sasea,sechste,sixieme,sexta}'),
        ('th=7', '{seventh,saptea,siebte,septieme}'), ('th=8', '{eighth,opta,achte,huitieme}'), ('th=9', '{ninth,noua,neunte,neuvieme}'), ('th=10', '{tenth,zecea,zehnte,dixieme}'),
        ('!used=1', '{used,refurbished,refurb,renewed,reconditioned,recertified,remanufactured,preowned,resigilat,resigilata,reconditionat,reconditionata,folosit,folosita,gebraucht,gebrauchte,generaluberholt,refurbie,reconditionne,reconditionnee,occasion,usado,usada,reacondicionado,reacondicionada,tester,bware,"open box","second hand","pre owned","b ware"}'),
        ('!bundle=1', '{kit,bundle,combo,set,bundles,pachet,lot,"box set"}'),
        ('!without=1', '{without,ohne,fara,sans,sin}'),
        ('!part=1', '{case,cover,hulle,husa,coque,funda,etui}'), ('!part=2', '{charger,incarcator,ladegerat,chargeur,cargador}'),
        ('!part=3', '{adapter,adaptor,adaptateur,adaptador}'), ('!part=4', '{remote,telecomanda,fernbedienung,telecommande}'),
        ('!part=5', '{strap,curea,armband,bracelet,correa}'), ('!part=6', '{pad,pads,earpads,cushions,pernute,ohrpolster,coussinets,almohadillas}'),
        ('!part=7', '{toner,cartridge,cartridges,cartus,tonerkartusche,patrone,cartouche,cartucho}'),
        ('!part=8', '{replacement,spare,inlocuire,rezerva,ersatz,ersatzteil,rechange,repuesto,recambio,refill}'),
        ('!part=9', '{protector,folie,schutzfolie,schutzglas}'), ('!part=10', '{mount,bracket,suport,halterung,soporte}'),
        ('!part=11', '{manual,handbook,workbook,summary,"study guide",rezumat,zusammenfassung,resume,resumen}')) AS v (sign, words)
     CROSS JOIN LATERAL unnest(v.words) AS w (word)
$$;
COMMENT ON FUNCTION matching._sign_words() IS
    'Folded words, and pairs of words, of five languages that tell a product from its sisters, with the sign that matching._signs makes of each. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._signs(p_pieces matching.piece[]) RETURNS TABLE (item integer, signs text[])
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH vocabulary AS MATERIALIZED (
        SELECT v.sign, v.word FROM matching._sign_words() AS v
    ), word AS MATERIALIZED (
        SELECT p.item, p.kind, p.number, p.unit, w.word, w.n, lag(w.word) OVER o AS previous, lag(w.word, 2) OVER o AS before_previous, lag(p.kind) OVER o AS kind_before, lead(w.word) OVER o AS next,
               lead(w.word, 2) OVER o AS after_next, p.next_chunk, p.chunk_4, p.unit_4
          FROM (SELECT u.*, lead(u.chunk) OVER q AS next_chunk, lead(u.chunk, 3) OVER q AS chunk_4,
                       coalesce(nullif(lead(u.unit, 2) OVER q, ''), lead(u.chunk, 3) OVER q) AS unit_4
                  FROM unnest(p_pieces) AS u WINDOW q AS (PARTITION BY u.item ORDER BY u.position)) AS p
         CROSS JOIN LATERAL unnest(p.parts) WITH ORDINALITY AS w (word, n)
        WINDOW o AS (PARTITION BY p.item ORDER BY p.position, w.n)
    ), said AS (
        SELECT w.item, v.sign FROM word AS w JOIN vocabulary AS v ON v.word = w.word
        UNION ALL
        SELECT w.item, v.sign FROM word AS w JOIN vocabulary AS v ON v.word = w.previous || ' ' || w.word
        UNION ALL
        -- One letter is a size at the end, or behind the word for it.
        SELECT w.item, '^size=' || CASE w.word WHEN 's' THEN 3 WHEN 'm' THEN 4 ELSE 5 END
          FROM word AS w WHERE w.word IN ('s', 'm', 'l') AND w.kind = 'word' AND w.kind_before IS DISTINCT FROM 'number'
           AND (w.next IS NULL OR w.previous IN ('size', 'marime', 'marimea', 'gr', 'grosse', 'taille', 'talla', 'masura'))
        UNION ALL
        -- H7 and H4, W32 and W34: too short for a code, and yet another thing.
        SELECT w.item, '^' || left(w.word, 1) || '=' || substr(w.word, 2) FROM word AS w WHERE w.kind = 'word' AND length(w.word) IN (2, 3) AND matching._shape(w.word) IN ('a9', 'a99')
        UNION ALL
        -- 3-pack, 3er Pack, 100 pcs, pack of 10, 6 x 330 ml.
        SELECT w.item, '!pack=' || ltrim(n.number, '0')
          FROM word AS w
         CROSS JOIN LATERAL (SELECT CASE
                WHEN w.kind IN ('count', 'measure') AND w.unit IN ('pack', 'packs', 'pk', 'pc', 'pcs', 'ct', 'piece', 'pieces', 'buc', 'er') THEN w.number
                WHEN w.kind = 'number' AND w.next IN ('pack', 'packs', 'pk', 'pc', 'pcs', 'piece', 'pieces', 'buc', 'bucati', 'stuck', 'stk', 'pieza', 'piezas', 'unidades', 'tabs', 'ct', 'count') THEN w.number
                WHEN w.kind = 'number' AND w.previous IN ('of', 'de', 'a') AND w.before_previous IN ('pack', 'set', 'box', 'case', 'lot', 'pachet', 'bax', 'caja') THEN w.number
                WHEN w.kind = 'number' AND w.next = 'x' AND w.after_next ~ '^\d' AND w.previous IS DISTINCT FROM 'x' AND w.chunk_4 IS DISTINCT FROM 'x' AND w.unit_4 IN ('ml', 'l', 'cl', 'g', 'kg', 'oz') THEN w.number
                WHEN w.kind = 'word' AND w.next = 'pack' AND w.word ~ '^\d+er$' THEN rtrim(w.word, 'er')
                WHEN w.kind = 'range' AND w.n = 1 AND w.word ~ '^\d{1,2}x\d' AND coalesce(nullif(w.unit, ''), w.next_chunk) IN ('ml', 'l', 'cl', 'g', 'kg', 'oz') THEN split_part(w.word, 'x', 1)
            END AS number) AS n
         WHERE n.number ~ '^0*([2-9]|\d{2,4})$'
    )
    SELECT s.item, array_agg(DISTINCT s.sign) FROM said AS s GROUP BY s.item
$$;
COMMENT ON FUNCTION matching._signs(matching.piece[]) IS
    'What folded words say in five languages that tells a product from its sisters, in the form of measures: ^ before what both of two records have to name '
    'otherwise to differ (sizes by letters, left and right, for whom, binding, strength of scent, edition), ! before what tells one from another that does not '
    'name it at all: used, a bundle, an accessory. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._tokens(p_pieces matching.piece[], p_codes matching.code[]) RETURNS TABLE (item integer, tokens text[], weights real[])
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH token AS (
        SELECT p.item, w.word AS token, CASE WHEN length(w.word) = 1 THEN 0.3 ELSE 1 END AS weight
          FROM unnest(p_pieces) AS p, unnest(CASE WHEN p.kind IN ('number', 'measure') THEN ARRAY[p.chunk] ELSE p.parts END) AS w (word)
         WHERE NOT (p.kind = 'code' AND cardinality(p.parts) = 1)
        UNION ALL
        SELECT p.item, p.joined, 1 FROM unnest(p_pieces) AS p WHERE cardinality(p.parts) > 1 AND p.kind IN ('word', 'code') AND length(p.joined) <= 20
        UNION ALL
        SELECT c.item, c.code, 1 FROM unnest(p_codes) AS c
        UNION ALL
        SELECT c.item, rtrim(c.code, 'abcdefghijklmnopqrstuvwxyz'), 0.7 FROM unnest(p_codes) AS c
         WHERE length(rtrim(c.code, 'abcdefghijklmnopqrstuvwxyz')) >= 3
        UNION ALL
        SELECT c.item, '~' || ltrim(c.code, 'abcdefghijklmnopqrstuvwxyz'), 0.4 FROM unnest(p_codes) AS c
         WHERE length(ltrim(c.code, 'abcdefghijklmnopqrstuvwxyz')) >= 3
        UNION ALL
        SELECT c.item, '#' || substr(c.code, i, 4), 0.35 FROM unnest(p_codes) AS c, generate_series(1, length(c.code) - 3) AS i
    ), best AS (
        SELECT t.item, t.token, max(t.weight) AS weight FROM token AS t WHERE length(t.token) BETWEEN 1 AND 40 GROUP BY t.item, t.token
    )
    SELECT b.item, array_agg(b.token), array_agg(b.weight::real) FROM best AS b GROUP BY b.item
$$;
COMMENT ON FUNCTION matching._tokens(matching.piece[], matching.code[]) IS
    'What titles are found by, each with its weight: words 1, codes 1, codes without the letters at their end 0.7, without those at their beginning 0.4, '
    'four characters of a code 0.35, single characters 0.3. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching.features_many(p_titles text[], p_numbers text[] DEFAULT NULL, p_further text[] DEFAULT NULL)
RETURNS TABLE (item integer, title text, features matching.features)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, matching, normalise, pg_temp
AS $$
DECLARE
    v_titles constant text[] := ARRAY(SELECT coalesce(normalise.title(t), '') FROM unnest(p_titles) WITH ORDINALITY AS u (t, i) ORDER BY i);
    v_pieces constant piece[] := ARRAY(SELECT p FROM matching._pieces(v_titles) AS p);
    -- Attributes' values stand behind the title's pieces.
    v_more   constant piece[] := v_pieces || ARRAY(
        SELECT (p.item, p.position + 1000, p.kind, p.chunk, p.joined, p.parts, p.number, p.unit, p.is_own)::matching.piece
          FROM matching._pieces(ARRAY(SELECT coalesce(normalise.title(t), '') FROM unnest(p_further) WITH ORDINALITY AS u (t, i) ORDER BY i)) AS p);
    v_codes  constant code[] := ARRAY(
        SELECT (c.item, c.code, bool_or(c.is_own))::matching.code
          FROM (SELECT f.item, f.code, f.is_own FROM matching._codes(v_pieces) AS f
                UNION ALL
                SELECT u.i::integer, lower(n), true
                  FROM unnest(p_numbers) WITH ORDINALITY AS u (numbers, i), string_to_table(u.numbers, '|') AS n
                 WHERE length(n) BETWEEN 3 AND 20) AS c
         GROUP BY c.item, c.code);
BEGIN
    RETURN QUERY
    SELECT u.i::integer, u.t,
           (coalesce(k.tokens, '{}'), coalesce(k.weights, '{}'), coalesce(c.codes, '{}'), coalesce(c.own_codes, '{}'),
            coalesce(m.measures, '{}') || coalesce(s.signs, '{}') || CASE WHEN u.t LIKE '% + %' AND coalesce('!bundle=1' <> ALL (s.signs), true) THEN '{!bundle=1}'::text[] ELSE '{}' END, coalesce(matching._colours(w.words), '{}'))::matching.features
      FROM unnest(v_titles) WITH ORDINALITY AS u (t, i)
      LEFT JOIN matching._tokens(v_pieces, v_codes) AS k ON k.item = u.i
      LEFT JOIN (SELECT d.item, array_agg(d.code) AS codes, array_agg(d.code) FILTER (WHERE d.is_own) AS own_codes
                   FROM unnest(v_codes) AS d GROUP BY d.item) AS c ON c.item = u.i
      LEFT JOIN matching._measures(v_more) AS m ON m.item = u.i
      LEFT JOIN matching._signs(v_more) AS s ON s.item = u.i
      LEFT JOIN (SELECT p.item, array_agg(part) AS words FROM unnest(v_more) AS p, unnest(p.parts) AS part WHERE p.kind = 'word' GROUP BY p.item) AS w
        ON w.item = u.i;
END
$$;
COMMENT ON FUNCTION matching.features_many(text[], text[], text[]) IS
    'What titles say, taken apart for comparing, with the folded title; item is the place in p_titles. p_numbers: model and part numbers that stand '
    'elsewhere, joined by |; p_further: values of attributes whose measures and colours count. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching.features(p_title text, p_numbers text DEFAULT NULL, p_further text DEFAULT NULL) RETURNS matching.features
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, matching, pg_temp
AS $$
    SELECT f.features FROM matching.features_many(ARRAY[p_title], ARRAY[p_numbers], ARRAY[p_further]) AS f
$$;
COMMENT ON FUNCTION matching.features(text, text, text) IS 'matching.features_many of one title. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION normalise.model_code(p_text text) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, matching, pg_temp
AS $$
    SELECT coalesce(array_agg(upper(c) ORDER BY length(c) DESC, c), '{}') FROM unnest((matching.features(p_text)).own_codes) AS c
$$;
COMMENT ON FUNCTION normalise.model_code(text) IS
    'Distinctive codes in a text in capitals, the longest first: model and part numbers that it names as its own, not those after "for". '
    'Reads nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION matching.features(text, text, text), matching.features_many(text[], text[], text[]) TO neanelu_platform, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION normalise.model_code(text)
    TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator, neanelu_harvester;

COMMIT;

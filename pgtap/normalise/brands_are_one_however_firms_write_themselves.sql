BEGIN;
SELECT plan(25);

SELECT is(normalise.brand(raw), expected, raw)
  FROM (VALUES ('Miele & Cie. KG', 'Miele'), ('Tiffany & Co.', 'Tiffany & Co'), ('Samsung Electronics Co., Ltd.', 'Samsung'), ('Xiaomi Communications Co., Ltd', 'Xiaomi Communications'),
               ('Inditex, S.L.', 'Inditex'), ('Koninklijke Philips N.V.', 'Koninklijke Philips'), ('DEDEMAN S.R.L.', 'DEDEMAN'), ('Škoda Auto a.s.', 'Škoda Auto'),
               ('Avast Software s.r.o.', 'Avast Software'), ('Marca: Sony', 'Sony'), ('by Sony', 'Sony'), ('Black and Decker', 'Black & Decker'), ('Marks and Spencer', 'Marks & Spencer'),
               ('Co', 'Co'), ('n/a', NULL), ('Brand:', NULL)) AS t (raw, expected);
SELECT is(normalise.is_same_brand(one, other), expected, one || ', ' || other)
  FROM (VALUES ('De''Longhi S.p.A.', 'De Longhi', true), ('Black+Decker', 'BLACK AND DECKER', true), ('Johnson & Johnson', 'Johnson and Johnson', true),
               ('L’Oréal', 'LOREAL S.A.', true), ('Miele', 'Miele & Cie. KG', true), ('Delta', 'Delta Electronics', false), ('Apple', 'Applied', false),
               ('AG', 'SA', false), ('Sony', 'n/a', NULL)) AS t (one, other, expected);

SELECT * FROM finish();
ROLLBACK;

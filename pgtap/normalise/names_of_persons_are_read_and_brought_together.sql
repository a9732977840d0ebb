BEGIN;
SELECT plan(24);

SELECT is(normalise.person_names(t.raw), t.names::text[], t.raw)
  FROM (VALUES ('Knuth, Donald E.', '{Donald E. Knuth}'), ('KNUTH, DONALD', '{Donald Knuth}'), ('Donald E. Knuth', '{Donald E. Knuth}'),
               ('Graham, Ronald L.; Knuth, Donald E.', '{Ronald L. Graham,Donald E. Knuth}'), ('A. Meyer and B. Stone', '{A. Meyer,B. Stone}'),
               ('Meyer, Anna, Stone, Bert', '{Anna Meyer,Bert Stone}'), ('Anna Meyer, Bert Stone', '{Anna Meyer,Bert Stone}'),
               ('Meyer, Anna (Author) Stone, Bert (Editor)', '{Anna Meyer,Bert Stone}'), ('Van der Berg, Jan', '{Jan Van der Berg}'),
               ('Garcia Molina, Hector', '{Hector Garcia Molina}'), ('Meyer, AnnaStone, BertWolf, Carl', '{Anna Meyer,Bert Stone,Carl Wolf}'),
               ('Meyer, Anna Stone, Bert Wolf, Carl', '{Anna Meyer,Bert Stone,Carl Wolf}'), ('McCarthy, Linda/ DeMarco, Tom', '{Linda McCarthy,Tom DeMarco}'),
               ('Anna Meyer et al.', '{Anna Meyer}'), ('not available', '{}'), ('Gagn&eacute;, Marcel', '{Marcel Gagne}'),
               ('Ana Pop și Ion Rus', '{Ana Pop,Ion Rus}'), ('Vargas Llosa, M., Meyer, A. B.', '{M. Vargas Llosa,A. B. Meyer}'),
               ('Le Guin, U. K., García Márquez, G.', '{U. K. Le Guin,G. García Márquez}')) AS t (raw, names);

CREATE FUNCTION pg_temp.persons(p_names text[], p_apart text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $f$
    SELECT string_agg(DISTINCT m.person, ', ' ORDER BY m.person)
      FROM normalise.merge_persons(p_names, ARRAY(SELECT (10 - g)::numeric FROM generate_series(1, cardinality(p_names)) AS g), p_apart) AS m
$f$;
SELECT is(pg_temp.persons('{Donald E. Knuth,Knuth Donald,D. Knuth,Knuth}'), 'Donald E. Knuth', 'abbreviations of one person are one person');
SELECT is(pg_temp.persons('{Anna Meyer,Bert Stone,Anna Meyer Bert Stone}'), 'Anna Meyer, Bert Stone', 'two persons run together are two');
SELECT is(pg_temp.persons('{Judith Bishop,Judy Bishop,Nigel Bishop}'), 'Judith Bishop, Nigel Bishop', 'one family name and initial are one person');
SELECT is(pg_temp.persons('{Judith Bishop,Judy Bishop}', ARRAY[E'Judith Bishop\tJudy Bishop']), 'Judith Bishop, Judy Bishop', 'unless one source names both');
SELECT is(pg_temp.persons('{Paul Deitel,Harvey Deitel}'), 'Harvey Deitel, Paul Deitel', 'a family name alone is not enough');

SELECT * FROM finish();
ROLLBACK;

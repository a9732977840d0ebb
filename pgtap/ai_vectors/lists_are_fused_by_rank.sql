BEGIN;
SELECT plan(8);

CREATE FUNCTION pg_temp.u(p_digit integer) RETURNS uuid LANGUAGE sql AS $f$ SELECT ('00000000-0000-7000-8000-00000000000' || p_digit)::uuid $f$;

SELECT is((SELECT id FROM search._fuse(ARRAY[pg_temp.u(1), pg_temp.u(2)], NULL, ARRAY[pg_temp.u(2), pg_temp.u(3)]) ORDER BY score DESC LIMIT 1), pg_temp.u(2),
    'what two lists have comes before what leads one');
SELECT results_eq($$SELECT text_rank, word_rank, vector_rank FROM search._fuse(ARRAY[pg_temp.u(1)], ARRAY[pg_temp.u(2), pg_temp.u(1)], '{}') WHERE id = pg_temp.u(1)$$,
    $$VALUES (1, 2, NULL::integer)$$, 'the ranks in each list are told');
SELECT is_empty($$SELECT * FROM search._fuse(NULL, NULL, NULL)$$, 'nothing of nothing');

INSERT INTO neanelu.search_words (word) VALUES ('headphones'), ('headset'), ('monitor');
SELECT is((SELECT alternatives FROM search._alternatives('00000000-0000-0000-0000-000000000000', '{monitor}')), '{monitor}', 'a word that titles have stands for itself');
SELECT is((SELECT alternatives[2] FROM search._alternatives('00000000-0000-0000-0000-000000000000', '{hedphones}')), 'headphones', 'one that none has, for its likes, too');
SELECT is((SELECT cardinality(alternatives) FROM search._alternatives(pg_temp.u(1), '{hedphones}')), 1, 'but not those of others');
SELECT is(search._fuzzy_query('00000000-0000-0000-0000-000000000000', '"a phrase"', 'pg_catalog.simple', 'pg_catalog.simple', false), NULL, 'a phrase is meant as it stands');
SELECT ok(to_tsvector('pg_catalog.simple', 'monitor curved wide') @@
          search._fuzzy_query('00000000-0000-0000-0000-000000000000', 'monitor curved', 'pg_catalog.simple', 'pg_catalog.simple', true), 'a word that is like none may be missing');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(4);

SELECT results_eq(
    $$SELECT normalise.gtin(v) FROM unnest('{036000291452,5901234123457,"590 1234-123457",96385074,10036000291459,"EAN-13: 5901234123457",5901234123457.0}'::text[])
        WITH ORDINALITY AS u (v, i) ORDER BY i$$,
    $$SELECT unnest('{00036000291452,05901234123457,05901234123457,00000096385074,10036000291459,05901234123457,05901234123457}'::text[])$$,
    'numbers of 8, 12, 13 and 14 digits, however written, have 14');
SELECT results_eq(
    $$SELECT normalise.gtin(v) FROM unnest('{04252614,0-306-40615-2,080442957X,978-0-306-40615-7}'::text[]) WITH ORDINALITY AS u (v, i) ORDER BY i$$,
    $$SELECT unnest('{00042100005264,09780306406157,09780804429573,09780306406157}'::text[])$$,
    'short forms are expanded: UPC-E and ISBN-10');
-- A wrong digit; 2x, 02 and 04 within a company; 05, 99 and 98 coupons; fillers; GTIN-8 that begin with 0 or 2; other lengths.
SELECT is((SELECT array_agg(v) FROM unnest('{5901234123458,2012345678903,200000000004,040000000001,050000000000,9999999999994,9800000000007,1111111111116,
    0000000000000,00000000,20000004,123,0306406153,12345678901,n/a,""}'::text[]) AS v WHERE normalise.gtin(v) IS NOT NULL), NULL,
    'wrong, restricted, coupons, fillers and other lengths are none');
SELECT results_eq(
    $$SELECT normalise.mpn(v) FROM unnest('{MB769G/A,"kx-tga 820b",Número-12,N/A,"Does not apply",000,ab}'::text[]) WITH ORDINALITY AS u (v, i) ORDER BY i$$,
    $$SELECT unnest('{MB769GA,KXTGA820B,NUMERO12,NULL,NULL,NULL,NULL}'::text[])$$,
    'part numbers are letters and digits in capitals, and words for none are none');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(7);

CREATE FUNCTION pg_temp.sorted(text[]) RETURNS text[] LANGUAGE sql RETURN ARRAY(SELECT unnest($1) ORDER BY 1);

SELECT is(pg_temp.sorted((matching.features('Sonix DAV-HDX576WF theatre 1080p')).codes), '{davhdx576wf,hdx576wf}', 'a code is joined over hyphens, and its parts are codes, too');
SELECT is(normalise.model_code('Toner CL-51 for printers MP450 and MP460 - 0618B002'), '{0618B002,CL51}', 'what stands behind "for" is not the product''s own');
SELECT is(pg_temp.sorted((matching.features('Lens 18-70mm, 46" screen, 6-disc, Suite 5.0')).measures), '{<suite=5,=5,=6,disc=6,in=46,mm=18,mm=70}', 'numbers with what they count');
SELECT is((matching.features('8GB 12V 1080p 3.5mm 1920x1080 10/100')).codes, '{}', 'numbers with units, sizes and ranges are no codes');
SELECT is(pg_temp.sorted((matching.features('Scaun negru, dunkelrot und rouge')).colours), '{black,red}', 'colours in five languages');
SELECT is((matching.features(NULL)).tokens, '{}', 'no title, no tokens');
SELECT is((matching.features('SonixA 9200')).tokens @> '{sonixa,9200}', true, 'words and numbers are tokens');

SELECT * FROM finish();
ROLLBACK;

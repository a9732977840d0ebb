BEGIN;
SELECT plan(13);

INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES ('00000000-0000-7000-8000-00000000000a', 'tr', 'Căști negre'), ('00000000-0000-7000-8000-00000000000b', 'tr2', 'Mouse');
SELECT is(pim.refresh_semantics('{00000000-0000-7000-8000-00000000000a,00000000-0000-7000-8000-00000000000b}'), 2, 'two rows written');
SELECT is(pim.refresh_semantics('{00000000-0000-7000-8000-00000000000a,00000000-0000-7000-8000-00000000000b}'), 0, 'the second time none');
SELECT is((SELECT count(*) FROM pim.untranslated('en', 10)), 2::bigint, 'neither has an English text');
SELECT is((SELECT count(*) FROM pim.untranslated('ro', 10)), 0::bigint, 'the language they are in is not wanted');

SELECT is(pim.set_translations((SELECT jsonb_agg(jsonb_build_object('product_id', u.product_id, 'locale', 'en', 'title', 'Black headphones', 'source_hash', u.source_hash))
                                  FROM pim.untranslated('en', 10) AS u WHERE u.title = 'Căști negre'), 'ai'), 1, 'a translation comes');
SELECT is((SELECT is_stale FROM prod_translations), false, 'and is fresh');
UPDATE prod_master SET canonical_title = 'Căști roșii' WHERE internal_sku = 'tr';
SELECT pim.refresh_semantics('{00000000-0000-7000-8000-00000000000a}');
SELECT is((SELECT is_stale FROM prod_translations), true, 'the text changed: it is stale');
SELECT is((SELECT count(*) FILTER (WHERE is_stale) FROM pim.untranslated('en', 10)), 1::bigint, 'and wanted again');
SELECT is(pim.approve_translations('{00000000-0000-7000-8000-00000000000a}', 'en'), 0, 'what is stale is not approved');
UPDATE prod_master SET canonical_title = 'Căști negre' WHERE internal_sku = 'tr';
SELECT pim.refresh_semantics('{00000000-0000-7000-8000-00000000000a}');
SELECT is((SELECT is_stale FROM prod_translations), false, 'the text is as it was: so is the translation');
SELECT pim.set_translations('[{"product_id": "00000000-0000-7000-8000-00000000000a", "locale": "en", "title": "Headphones, black"}]', 'manual');
SELECT is(pim.set_translations('[{"product_id": "00000000-0000-7000-8000-00000000000a", "locale": "en", "title": "Nonsense"}]', 'ai'), 0, 'a model does not overwrite a person');
SELECT is(pim.set_translations('[{"product_id": "00000000-0000-7000-8000-00000000000b", "locale": "en", "title": "Old", "source_hash": "00"}]', 'ai'), 1, 'a translation of a text that changed meanwhile');
SELECT is((SELECT is_stale FROM prod_translations WHERE title = 'Old'), true, 'is stale from the start');

SELECT * FROM finish();
ROLLBACK;

BEGIN;
SELECT plan(22);

SELECT is(normalise.value(raw, 'enum', NULL, NULL, 'en', allowed::jsonb) ->> 'value', expected, raw)
  FROM (VALUES
    ('boxes', '["box", "tube"]', 'box'),
    ('Tubes', '["box", "tube", "tub"]', 'tube'),
    ('Glasses', '["glass", "plate"]', 'glass'),
    ('azules', '["azul", "rojo"]', 'azul'),
    ('Envelopes', '["envelope"]', 'envelope'),
    ('bathmat', '[{"code": "mats", "labels": {"en": ["bath mat"]}}]', 'mats'),
    ('soft gray', '["Gray and Metallic", "White"]', 'Gray and Metallic'),
    ('grau', '["Gray and Metallic", "White"]', 'Gray and Metallic'),
    ('bleu marine', '["Blue", "Red"]', 'Blue'),
    ('Pencils', '["Pens/Pencils", "Paper"]', 'Pens/Pencils'),
    ('Serial Attached SCSI', '["SAS (Serial Attached SCSI)", "SCSI"]', 'SAS (Serial Attached SCSI)'),
    ('Red / Blue', '["Blue", "Red"]', 'Red'),
    ('roșu și albastru', '["blue", "red"]', 'red'),
    ('Trays', '["Trays, Racks and Holders", "Trays, Baking Tins and Moulds"]', NULL),
    ('Garden Hose', '[{"code": "watering", "labels": {"en": ["soaker hose", "drip hose"]}}, "tools"]', 'watering'),
    ('Garden Hose', '[{"code": "watering", "labels": {"en": ["soaker hose"]}}, "tools"]', NULL),
    ('Garden Hose', '[{"code": "a", "labels": {"en": ["soaker hose", "drip hose"]}}, {"code": "b", "labels": {"en": ["panty hose", "fire hose"]}}]', NULL),
    ('Hose Reel', '[{"code": "watering", "labels": {"en": ["soaker hose", "drip hose"]}}, "tools"]', NULL),
    ('Opteron 865', '[{"code": "amd", "labels": {"en": ["opteron 244", "opteron 2216", "opteron 6174"]}}, {"code": "intel", "labels": {"en": ["xeon 5503"]}}]', 'amd'),
    ('steel', '["stainless-steel", "plastic"]', NULL),
    ('Tartan', '["black", "white"]', NULL),
    ('/', '["black", "white"]', NULL)) AS t (raw, allowed, expected);

SELECT * FROM finish();
ROLLBACK;

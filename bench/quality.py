"""Quality: golden records scored and described a second, by one caller, in batches as the factory has them.

Made records: 16 decided fields with three sources each (two agree, one does not), 20 attributes asked for by the category.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from bench import frame

Connection = psycopg.Connection[Any]

BATCH = 500
FILL = """
INSERT INTO neanelu.prod_attr_definitions (code, label, data_type, unit, unit_family)
SELECT 'attr_' || n, 'Attribute ' || n, CASE n %% 3 WHEN 0 THEN 'number' ELSE 'string' END,
       CASE n %% 3 WHEN 0 THEN 'kg' END, CASE n %% 3 WHEN 0 THEN 'mass' END
  FROM generate_series(1, 20) AS n;
INSERT INTO neanelu.prod_taxonomy (name, slug, breadcrumbs, attribute_schema)
SELECT 'All', 'all', '{All}', jsonb_object_agg('attr_' || n, jsonb_build_object('required', n < 4))
  FROM generate_series(1, 20) AS n;
INSERT INTO neanelu.prod_sources (name, source_type, trust_score)
SELECT 's' || n, 'SUPPLIER', 0.5 + n * 0.1 FROM generate_series(1, 3) AS n;
INSERT INTO neanelu.prod_master (internal_sku, canonical_title, brand, gtin, taxonomy_id)
SELECT 'P' || n, 'Căști wireless model ' || n, 'Brand ' || n %% 50, lpad(n::text, 14, '0'), t.id
  FROM generate_series(1, %(products)s::integer) AS n, neanelu.prod_taxonomy AS t;
INSERT INTO neanelu.prod_specs_normalized (product_id, specs, provenance)
SELECT m.id, (SELECT jsonb_object_agg('attr_' || n, CASE n %% 3 WHEN 0 THEN jsonb_build_object('value', n, 'unit', 'kg')
                                                               ELSE jsonb_build_object('value', 'value ' || n) END)
                FROM generate_series(1, 12) AS n),
       jsonb_build_object('description', jsonb_build_object('value', repeat('Un text despre ' || m.canonical_title || '. ', 8)))
  FROM neanelu.prod_master AS m;
INSERT INTO neanelu.prod_proposals
    (product_id, field_path, proposed_value, source_id, confidence_score, proposal_status, auto_approved, reviewed_at)
SELECT m.id, f.path, '"x"', s.id, 0.9,
       CASE s.name WHEN 's1' THEN 'approved' WHEN 's2' THEN 'merged' ELSE 'rejected' END, true, now()
  FROM neanelu.prod_master AS m, neanelu.prod_sources AS s,
       unnest('{title,brand,gtin,description}'::text[]
              || ARRAY(SELECT 'specs.attr_' || n FROM generate_series(1, 12) AS n)) AS f (path);
"""


def rate(connection: Connection, statement: str, products: Sequence[UUID]) -> float:
    """Return products a second of a function that takes their ids, in batches."""
    began = time.perf_counter()
    for start in range(0, len(products), BATCH):
        connection.execute(statement, [list(products[start : start + BATCH])])  # type: ignore[arg-type]
    return len(products) / (time.perf_counter() - began)


def run(scale: str) -> list[frame.Figure]:
    """Measure; `small` takes 4,000 records, `full` 100,000."""
    products = 100_000 if scale == "full" else 4_000
    database = frame.laboratory().create()
    with frame.steps("quality", 3) as step, database.connect() as connection:
        step(f"{products} records")
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(statement, {"products": products})
        connection.execute("VACUUM ANALYZE")
        ids = [row[0] for row in connection.execute("SELECT id FROM neanelu.prod_master ORDER BY id")]
        step("score")
        scored = rate(connection, "SELECT pim.score(%s)", ids)
        again = rate(connection, "SELECT pim.score(%s)", ids)
        step("describe")
        described = rate(connection, "SELECT pim.refresh_semantics(%s)", ids)
    frame.drop(database)
    return [
        frame.figure("quality_scored", scored, "products/s", least=1000, digits=0),
        frame.figure("quality_scored_again", again, "products/s", least=1000, digits=0),
        frame.figure("quality_described", described, "products/s", digits=0),
    ]

"""What the API budget can grant: acquires and settlements a second over 200 shops, and that no bucket is overspent.

pgbench is the caller: 16 connections draw for shops picked at random, as 50 callers of each of 200 shops would through
a pooler. `limiter_acquires` counts acquires alone, granted or not; `limiter_requests` acquires that are settled by an answer
when they were granted. As peer, in the same run and interleaved, the least a bucket can cost: one guarded UPDATE.
Afterwards the tracking table must not hold more points for any shop than its bucket held and refilled.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench import frame

SHOPS = 200
CONNECTIONS = 16
ROUNDS = 3
SECONDS = 6
CAPACITY = 2000
RATE = 100

FILL = f"""
INSERT INTO neanelu.shops
    (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'shop' || n || '.myshopify.com', '\\x01',
       decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}'
  FROM generate_series(1, {SHOPS}) AS n;
INSERT INTO neanelu.rate_limit_buckets (shop_id, tokens_remaining, max_tokens, refill_rate)
SELECT id, {CAPACITY}, {CAPACITY}, {RATE} FROM neanelu.shops;
CREATE TABLE bench.bucket WITH (fillfactor = 50) AS SELECT shop_id, 1e12::numeric AS tokens FROM neanelu.rate_limit_buckets;
ALTER TABLE bench.bucket ADD PRIMARY KEY (shop_id);
GRANT USAGE ON SCHEMA bench TO neanelu_worker;
GRANT SELECT, UPDATE ON bench.bucket TO neanelu_worker;
"""
ACQUIRE = f"""
\\set n random(1, {SHOPS})
SELECT granted FROM budget.acquire(('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid, 10, 'bench');
"""
REQUEST = f"""
\\set n random(1, {SHOPS})
SELECT granted::int AS granted
  FROM budget.acquire(('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid, 10, 'bench') \\gset
\\if :granted
SELECT budget.settle(uuidv7(), ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid, 'query Bench', 'bench', 10,
    '{{"requestedQueryCost": 10, "actualQueryCost": 10}}', NULL, NULL, clock_timestamp(), 20);
\\endif
"""
UPDATE = f"""
\\set n random(1, {SHOPS})
UPDATE bench.bucket SET tokens = tokens - 10
 WHERE shop_id = ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid AND tokens >= 10;
"""
OVERSPENT = f"""
SELECT count(*) FROM (
    SELECT t.shop_id, sum(t.actual_cost) AS spent,
           extract(epoch FROM max(t.requested_at)
                   - (SELECT s.created_at FROM neanelu.shops AS s WHERE s.id = t.shop_id)) AS seconds
      FROM neanelu.api_cost_tracking AS t GROUP BY t.shop_id) AS x
 WHERE x.spent > {CAPACITY} + {RATE} * x.seconds
"""


def _rate(database: frame.Database, script: Path, seconds: int) -> float:
    """Return the transactions a second of a pgbench script."""
    environment = database.env("neanelu_worker") | {"PGOPTIONS": "-c synchronous_commit=off"}
    done = subprocess.run(
        [database.cluster.bin("pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", str(seconds),
         "-f", str(script)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter: the target is for 200 shops."""
    acquires: list[float] = []
    requests: list[float] = []
    updates: list[float] = []
    with frame.steps("limiter", ROUNDS + 1) as step:
        step("deploy")
        database = frame.laboratory().create()
        scripts = {"acquire": ACQUIRE, "request": REQUEST, "update": UPDATE}
        for name, text in scripts.items():
            (frame.laboratory().files / f"{name}.pgbench").write_text(text)
        with database.connect() as connection:
            connection.execute(FILL)
            connection.execute("VACUUM ANALYZE neanelu.rate_limit_buckets")
            for number in range(ROUNDS):
                step(f"round {number + 1}: {CONNECTIONS} connections, {SHOPS} shops")
                acquires.append(_rate(database, frame.laboratory().files / "acquire.pgbench", SECONDS))
                requests.append(_rate(database, frame.laboratory().files / "request.pgbench", SECONDS))
                updates.append(_rate(database, frame.laboratory().files / "update.pgbench", SECONDS))
            overspent = connection.execute(OVERSPENT).fetchone()
            tracked = connection.execute("SELECT count(*) FROM neanelu.api_cost_tracking").fetchone()
        frame.drop(database)
    assert overspent is not None and tracked is not None
    return [
        frame.figure("limiter_acquires", frame.median(acquires), "1/s", least=5000, digits=0),
        frame.figure("limiter_requests", frame.median(requests), "1/s", digits=0),
        frame.figure("limiter_settled", tracked[0] / (ROUNDS * SECONDS), "1/s", digits=0),
        frame.figure("limiter_bare_updates", frame.median(updates), "1/s", digits=0),
        frame.figure("limiter_of_bare_update", frame.median(acquires) / frame.median(updates), "x"),
        frame.figure("limiter_overspent_shops", overspent[0], "shops", most=0, digits=0),
    ]

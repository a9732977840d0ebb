"""The commands `review` and `pim`, as people and scripts call them, with the login neanelu_pim_editor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from quality_support import Records, receiver
from sync_support import KEY_TEXT

from neanelu.cli import main
from neanelu.platform.scratch import Database
from neanelu.settings import get_settings

Call = Callable[..., Result]


@pytest.fixture
def records(db: Database) -> Iterator[Records]:
    with db.connect() as connection:
        yield Records(connection)


@pytest.fixture
def call(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Return `call(*arguments, input=None)`: a command on the test's database, which logs in as the command says."""
    monkeypatch.setenv("NEANELU_DATABASE_URL", f"host={db.cluster.socket_dir} dbname={db.name}")
    monkeypatch.setenv("NEANELU_ENCRYPTION_KEY", f"1:{KEY_TEXT}")
    monkeypatch.setenv("NEANELU_REVIEWER", "Ana")
    monkeypatch.setenv("NEANELU_QUALITY_ALLOW_NETWORKS", "127.0.0.0/8")
    get_settings.cache_clear()

    def run(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=input)

    yield run
    get_settings.cache_clear()


def found(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


def brand(records: Records, product: UUID) -> str | None:
    name: str | None = records.value("SELECT brand FROM neanelu.prod_master WHERE id = %s", product)
    return name


# --- review -----------------------------------------------------------------------------------------------
def test_a_script_takes_decides_and_takes_back(call: Call, records: Records) -> None:
    product, waiting = records.quarrel("Headphones")
    assert waiting
    listed = found(call("review", "list", "--json"))
    assert {row["item_id"] for row in listed} >= {str(item) for item in waiting}
    item = found(call("review", "next", "--field", "brand", "--json"))
    assert item["product"]["title"] == "Headphones"
    assert item["proposed"]["raw"] in ("Brand one", "Brand two")
    assert found(call("review", "next", "--field", "brand", "--json"))["id"] == item["id"]
    assert found(call("review", "next", "--field", "brand", "--as", "Ben", "--json")) is None
    taken = found(call("review", "decide", item["id"], "approve", "--as", "Ben", "--json"), 1)
    assert taken["error"]["code"] == "NQ005"
    tried = found(call("review", "decide", item["id"], "approve", "--dry-run", "--json"))
    assert tried["dry_run"]
    assert records.value("SELECT count(*) FROM neanelu.prod_review_decisions") == 0
    found(call("review", "decide", item["id"], "approve", "--notes", "on the box", "--json"))
    assert brand(records, product) == item["proposed"]["value"]
    assert found(call("review", "decide", item["id"], "approve", "--json"), 2)["error"]["code"] == "NQ004"
    log = found(call("review", "log", "--mine", "--json"))
    assert [(row["decision"], row["notes"], row["reviewer"]) for row in log] == [
        ("approve", "on the box", "Ana")
    ]
    assert found(call("review", "undo", "--dry-run", "--json"))["dry_run"]
    assert found(call("review", "undo", "--json"))["item_id"] == item["id"]
    assert found(call("review", "undo", "--json"), 2)["error"]["code"] == "NQ006"
    assert found(call("review", "next", "--field", "brand", "--json")) is not None


def test_a_person_goes_through_the_queue_key_by_key(call: Call, records: Records) -> None:
    products = [records.quarrel(f"Product {number}")[0] for number in range(3)]
    done = call("review", "--field", "brand", input="xarq")
    assert done.exit_code == 0, done.output
    assert "IN FORCE" in done.output
    assert "1 approved, 1 rejected, 0 skipped" in done.output
    assert records.value("SELECT count(*) FROM neanelu.prod_review_claims") == 0
    done = call("review", "--field", "brand", input="usq")
    assert "taken back: reject of proposal" in done.output
    assert "1 skipped" in done.output
    decided = records.value("SELECT count(*) FROM neanelu.prod_review_decisions WHERE undone_at IS NULL")
    assert (decided, len(products)) == (1, 3)


def test_what_was_interrupted_is_given_back(call: Call, records: Records) -> None:
    records.quarrel()
    done = call("review", input="\x03")
    assert done.exit_code == 130, done.output
    assert records.value("SELECT count(*) FROM neanelu.prod_review_claims") == 0


def test_a_cluster_is_shown_side_by_side_merged_and_parted_again(call: Call, records: Records) -> None:
    one, two = (
        records.product(f"Sony WH-1000XM4 {n}", brand="Sony", mpn="WH1000XM4") for n in ("black", "Black")
    )
    for product, source in ((one, "one"), (two, "two")):
        records.propose(product, "title", "Sony WH-1000XM4", source)
        records.propose(product, "brand", "Sony", source)
    records.decide(one, two)
    cluster = records.value(
        "INSERT INTO neanelu.prod_dedupe_clusters"
        " (cluster_type, match_criteria, canonical_product_id, member_count, confidence_score)"
        " VALUES ('FUZZY', '{\"score\": 0.8}', %s, 2, 0.8) RETURNING id",
        one,
    )
    for product in (one, two):
        records.connection.execute(
            "INSERT INTO neanelu.prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, is_canonical)"
            " VALUES (%s, %s, 0.8, %s)",
            [cluster, product, product == one],
        )
        records.connection.execute(
            "UPDATE neanelu.prod_master SET dedupe_cluster_id = %s WHERE id = %s", [cluster, product]
        )
    shown = call("review", "next", "--kind", "cluster")
    assert "SURVIVOR" in shown.output
    assert "RECORD 2" in shown.output
    before = records.connection.execute(
        "SELECT id, canonical_title, brand, dedupe_status FROM neanelu.prod_master ORDER BY id"
    ).fetchall()
    found(call("review", "decide", str(cluster), "approve", "--json"))
    assert records.value("SELECT dedupe_status FROM neanelu.prod_master WHERE id = %s", two) == "duplicate"
    assert records.value("SELECT count(*) FROM neanelu.prod_semantics WHERE product_id = %s", two) == 0
    assert (
        records.value(
            "SELECT quality_score_breakdown -> 'sources' FROM neanelu.prod_master WHERE id = %s", one
        )
        == 2
    )
    found(call("review", "undo", "--json"))
    after = records.connection.execute(
        "SELECT id, canonical_title, brand, dedupe_status FROM neanelu.prod_master ORDER BY id"
    ).fetchall()
    assert after == before
    assert records.value("SELECT count(*) FROM neanelu.prod_semantics WHERE product_id = %s", two) == 1


# --- pim --------------------------------------------------------------------------------------------------
def test_a_record_is_shown_explained_set_and_restored(call: Call, records: Records) -> None:
    product, _ = records.quarrel("Headphones")
    sku = records.value("SELECT internal_sku FROM neanelu.prod_master WHERE id = %s", product)
    assert found(call("pim", "show", sku, "--json"))["title"] == "Headphones"
    assert "completeness" in call("pim", "show", str(product)).output
    story = found(call("pim", "explain", sku, "brand", "--json"))
    assert {vote["value"] for vote in story["votes"]} == {"Brand one", "Brand two"}
    assert "ALSO" not in call("pim", "explain", sku, "brand").output
    assert found(call("pim", "set", sku, "brand", "Sony", "--dry-run", "--json"))["dry_run"]
    assert brand(records, product) != "Sony"
    found(call("pim", "set", sku, "brand", "Sony", "--notes", "on the box", "--json"))
    assert brand(records, product) == "Sony"
    versions = found(call("pim", "history", sku, "--json"))
    assert versions[0]["changes"]["brand"]["to"] == "Sony"
    first = versions[-1]["version"]
    assert call("pim", "restore", sku, str(first), input="n\n").exit_code == 1
    found(call("pim", "restore", sku, str(first), "--yes", "--json"))
    assert brand(records, product) != "Sony"
    assert "version" in call("pim", "show", sku, "--at", "2100-01-01").output
    assert found(call("pim", "show", "nothing", "--json"), 2)["error"]["code"] == "NQ008"
    overview = found(call("pim", "quality", "--json"))
    assert sum(level["products"] for level in overview["levels"].values()) == 1
    assert "bronze" in call("pim", "quality").output
    assert found(call("pim", "quality", sku, "--rescore", "--json"))["sku"] == sku


def test_addresses_are_added_tried_listed_and_removed(call: Call) -> None:
    with receiver() as hook:
        made = found(
            call("pim", "endpoints", "add", "team", hook.url, "--event", "quality_demoted", "--json")
        )
        assert made["secret"].startswith("whsec_")
        assert found(call("pim", "endpoints", "test", "team", "--json"))["http_status"] == 204
        assert hook.requests[0][0]["webhook-id"].startswith("test-")
        hook.answers = [500]
        assert found(call("pim", "endpoints", "test", "team", "--json"), 1)["error"]["code"] == "NQ011"
        wrong = found(call("pim", "endpoints", "add", "team", "ftp://x", "--json"), 2)
        assert "no http" in wrong["error"]["message"]
        listed = found(call("pim", "endpoints", "list", "--json"))
        assert [(row["name"], row["event_types"]) for row in listed] == [("team", ["quality_demoted"])]
        assert made["secret"] not in call("config", "list", "--json").output
        assert "would be removed" in call("pim", "endpoints", "remove", "team", "--dry-run").output
        found(call("pim", "endpoints", "remove", "team", "--yes", "--json"))
        assert (
            found(call("pim", "endpoints", "remove", "team", "--yes", "--json"), 2)["error"]["code"]
            == "NQ002"
        )
        assert found(call("config", "list", "--json")) == []


@pytest.mark.parametrize(
    "command",
    [(), *((name,) for name in ("list", "next", "show", "decide", "undo", "log"))],
    ids=lambda command: " ".join(command) or "review",
)
def test_every_command_shows_examples(call: Call, command: tuple[str, ...]) -> None:
    assert "Examples:" in call("review", *command, "--help").output

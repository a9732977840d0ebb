"""Keys come from where they are kept, and rotate under load, through crashes, until nothing needs the old one."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from oauth_support import Desk, app_settings, desk, installed, source
from pydantic import SecretStr
from sync_support import KEY_TEXT, KEYS, new_domain

from neanelu.cli import main
from neanelu.db.errors import KeyReplaced
from neanelu.platform.scratch import Database
from neanelu.sandbox.server import run_in_thread
from neanelu.secrets import (
    KeyCommandFailed,
    KeyRing,
    KeyUnusable,
    Sealed,
    add_to_key_file,
    config_place,
    key_ring,
    new_key,
    refresh_token_place,
    token_place,
    webhook_secret_place,
)
from neanelu.settings import Settings, get_settings

KEY_2 = bytes(range(32, 64))
TEXT_2 = f"2:{base64.b64encode(KEY_2).decode()}"
BOTH = KeyRing({1: bytes(range(32)), 2: KEY_2})
BOTH_TEXT = f"1:{KEY_TEXT},{TEXT_2}"
Run = Callable[..., Result]


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, database_url="host=/nowhere", **{"encryption_key": None, **values})


# --- A command that prints keys -------------------------------------------------------------------------------
def command(tmp_path: Path, script: str) -> str:
    """Return a command whose program has a space in its name."""
    program = tmp_path / "key agent"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o700)
    return f"'{program}' --version 2"


def test_a_command_prints_the_keys(tmp_path: Path) -> None:
    text = command(tmp_path, f"print('# from the agent'); print('{BOTH_TEXT}')")
    ring = key_ring(settings(encryption_key_command=text))
    assert (ring.versions, ring.sealing_version) == ([2, 1], 2)


def test_a_command_runs_without_a_shell(tmp_path: Path) -> None:
    target = tmp_path / "touched"
    text = command(tmp_path, f"import sys; assert sys.argv[-1] == '$(id)'; print('1:{KEY_TEXT}')")
    ring = key_ring(settings(encryption_key_command=f"{text} ; touch {target} && true '$(id)'"))
    assert ring.versions == [1] and not target.exists()


SAYS = "import sys; print('1:{0}'); print('{0}', file=sys.stderr); ".replace("{0}", KEY_TEXT)


@pytest.mark.parametrize(
    ("script", "means"),
    [
        (SAYS + "sys.exit(7)", "exit code 7"),
        (SAYS + "sys.stdout.flush(); import time; time.sleep(60)", "took longer"),
        (SAYS + "print('x' * 100_000)", "more than keys"),
        (SAYS + "sys.stdout.buffer.write(bytes([255]))", "not text"),
        (SAYS + "print('1:again')", "two encryption keys"),
    ],
)
def test_a_command_that_fails_is_not_repeated(script: str, means: str, tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match=means) as caught:
        key_ring(
            settings(encryption_key_command=command(tmp_path, script), encryption_key_command_seconds=1.0)
        )
    assert (
        KEY_TEXT
        not in f"{caught.value!r} {caught.value} {caught.value.__cause__} {caught.value.__context__!r}"
    )


@pytest.mark.parametrize("text", ["", "   ", "'open quote", "/nowhere/to/be/found"])
def test_what_is_no_command_is_said(text: str) -> None:
    with pytest.raises((KeyCommandFailed, KeyUnusable)):
        key_ring(settings(encryption_key_command=text))


# --- Rings that are read again --------------------------------------------------------------------------------
def test_a_ring_learns_a_key_that_came_later(tmp_path: Path) -> None:
    path, place = tmp_path / "keys", token_place(uuid4())
    path.write_text(f"1:{KEY_TEXT}\n")
    ring = key_ring(settings(encryption_key_file=path))
    new = BOTH.seal("token", place)
    with pytest.raises(KeyUnusable):
        ring.open(new, place)
    add_to_key_file(path, TEXT_2)
    ring._read_at -= 3  # not asked for again within two seconds
    assert ring.open(new, place) == b"token"
    # Broken meanwhile: what was read stays good.
    path.write_text("garbage")
    ring._read_at -= 100
    assert ring.open(ring.seal("again", place), place) == b"again" and ring.versions == [2, 1]


def test_a_ring_seals_with_a_new_key_within_a_minute(tmp_path: Path) -> None:
    path, place = tmp_path / "keys", token_place(uuid4())
    path.write_text(f"1:{KEY_TEXT}\n")
    ring = key_ring(settings(encryption_key_file=path))
    add_to_key_file(path, TEXT_2)
    assert ring.seal("x", place).key_version == 1
    ring._read_at -= 61
    assert ring.seal("x", place).key_version == 2


def test_a_new_key_can_be_given_out_before_it_seals() -> None:
    ring = key_ring(settings(encryption_key=SecretStr(BOTH_TEXT), encryption_sealing_version=1))
    place = token_place(uuid4())
    assert ring.seal("x", place).key_version == 1
    assert ring.open(BOTH.seal("x", place), place) == b"x"
    with pytest.raises(KeyUnusable, match="no encryption key 3 to seal with"):
        key_ring(settings(encryption_key=SecretStr(BOTH_TEXT), encryption_sealing_version=3))


def test_a_key_is_added_without_touching_the_others(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# keep me\n1:{KEY_TEXT}")
    path.chmod(0o640)
    add_to_key_file(path, new_key(2))
    assert KeyRing.parse(path.read_text()).versions == [2, 1] and path.read_text().startswith("# keep me\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [found.name for found in tmp_path.iterdir()] == ["keys"]


# --- Rotation -------------------------------------------------------------------------------------------------
def fill(look: Desk, count: int, keys: KeyRing = KEYS) -> dict[UUID, str]:
    """Register shops with a token, a webhook secret and every third with a refresh token; returns the tokens by shop."""
    tokens: dict[UUID, str] = {}
    for number in range(count):
        domain, token = new_domain(), f"shpat_{number:032x}"
        shop_id: UUID = look.one("SELECT shops.reserve_id(%(d)s) AS id", d=domain)["id"]
        register(look, shop_id, domain, token, keys)
        if number % 3 == 0:
            access = keys.seal(token, token_place(shop_id))
            look(
                "SELECT shops.store_tokens(%(i)s, NULL, %(c)s, %(v)s, %(t)s, %(k)s, %(r)s, '1 hour')",
                i=shop_id, c=access.ciphertext, v=access.iv, t=access.tag, k=access.key_version,
                r=keys.seal(f"shprt_{number:032x}", refresh_token_place(shop_id)).pack(),
            )  # fmt: skip
        tokens[shop_id] = token
    return tokens


def register(look: Desk, shop_id: UUID, domain: str, token: str, keys: KeyRing) -> None:
    access = keys.seal(token, token_place(shop_id))
    look(
        "SELECT shops.register(%(i)s, %(d)s, %(c)s, %(v)s, %(t)s, %(k)s, '{read_products}', p_webhook_secret => %(w)s)",
        i=shop_id, d=domain, c=access.ciphertext, v=access.iv, t=access.tag, k=access.key_version,
        w=keys.seal("hook", webhook_secret_place(shop_id)).pack(),
    )  # fmt: skip


def values(count: int) -> int:
    """Return how many sealed values `fill` makes."""
    return 2 * count + (count + 2) // 3


@pytest.fixture
def cli(db: Database) -> Iterator[Run]:
    """Return `cli(*arguments, keys=…)`: a command on the test's database."""

    def run(*arguments: str, keys: str = BOTH_TEXT, **environment: str) -> Result:
        get_settings.cache_clear()
        return CliRunner().invoke(main, arguments, env=surroundings(db, keys, **environment))

    yield run
    get_settings.cache_clear()


def surroundings(db: Database, keys: str, **environment: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEANELU_", "PG"))}
    url = f"host={db.cluster.socket_dir} port=5432 dbname={db.name}"
    return {**kept, "NEANELU_DATABASE_URL": url, "NEANELU_ENCRYPTION_KEY": keys, **environment}


@pytest.fixture
def look(db: Database) -> Iterator[Desk]:
    with desk(db) as made:
        yield made


def opened(look: Desk, ring: KeyRing, shop_id: UUID) -> str:
    row = look.one("SELECT * FROM shops.credentials(%(i)s)", i=shop_id)
    sealed = Sealed(row["ciphertext"], row["iv"], row["tag"], row["key_version"])
    return ring.open(sealed, token_place(shop_id)).decode()


def test_readers_and_writers_never_notice_a_rotation(db: Database, look: Desk, cli: Run) -> None:
    tokens = fill(look, 120)
    packed = KEYS.seal("hush", config_place("tap.secret")).pack()
    look(
        "SELECT flags.set_config('tap.secret', %(v)s::jsonb, true)",
        v=json.dumps({"sealed": base64.b64encode(packed).decode()}),
    )
    stop, failures, reads = threading.Event(), [], [0]
    known = {shop_id: {token} for shop_id, token in tokens.items()}

    def read() -> None:
        with desk(db, "neanelu_worker") as worker:
            while not stop.is_set():
                for shop_id in list(tokens):
                    try:
                        assert opened(worker, BOTH, shop_id) in known[shop_id]
                        reads[0] += 1
                    except Exception as error:
                        failures.append(error)

    def write() -> None:
        with desk(db, "neanelu_operator") as operator:
            for number, shop_id in enumerate(list(tokens) * 3):
                if stop.is_set():
                    return
                domain = operator.one("SELECT domain FROM shops.find(%(i)s::text)", i=str(shop_id))["domain"]
                token = f"shpat_new{number}"
                known[shop_id].add(token)
                register(operator, shop_id, domain, token, BOTH)
                tokens[shop_id] = token

    threads = [threading.Thread(target=target) for target in (read, read, write)]
    for thread in threads:
        thread.start()
    done = cli("keys", "rotate", "--batch", "20", "--json")
    stop.set()
    for thread in threads:
        thread.join()
    assert done.exit_code == 0, done.stdout + done.stderr
    assert failures == [] and reads[0] > 100
    result = json.loads(done.stdout)
    assert (result["status"], result["remaining"], result["unopened"]) == ("completed", 0, [])
    # Afterwards the old key is not needed: the new one alone opens everything.
    only_new = KeyRing({2: KEY_2})
    assert {row["key_version"] for row in look("SELECT * FROM ops.key_usage()")} == {2}
    assert {shop_id: opened(look, only_new, shop_id) for shop_id in tokens} == tokens
    for row in look("SELECT shop_id, refresh_token FROM neanelu.shop_tokens"):
        assert only_new.open(
            Sealed.unpack(row["refresh_token"]), refresh_token_place(row["shop_id"])
        ).startswith(b"shprt_")
    for row in look("SELECT id, webhook_secret FROM neanelu.shops"):
        assert only_new.open(Sealed.unpack(row["webhook_secret"]), webhook_secret_place(row["id"])) == b"hook"
    sealed = look.one("SELECT flags.sealed_config('tap.secret') AS s")["s"]
    assert only_new.open(Sealed.unpack(sealed), config_place("tap.secret")) == b"hush"
    told = json.loads(cli("keys", "status", "--json").stdout)
    assert (told["removable"], told["missing"]) == ([1], [])
    # Nobody brings the old key back.
    with pytest.raises(KeyReplaced):
        register(look, uuid4(), new_domain(), "shpat_late", KEYS)


def test_a_rotation_killed_in_the_middle_goes_on(db: Database, look: Desk, cli: Run) -> None:
    count = 90
    tokens = fill(look, count)
    kills = 0
    progress = "SELECT coalesce(max(records_updated), 0) AS n FROM neanelu.key_rotations"
    for part in (1, 2, 3):
        process = subprocess.Popen(
            [sys.executable, "-m", "neanelu", "keys", "rotate", "--batch", "3"],
            env=surroundings(db, BOTH_TEXT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 30
        while look.one(progress)["n"] < part * values(count) // 5 and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait(10)
        # In between, both keys are needed and everything opens.
        assert all(opened(look, BOTH, shop_id) == token for shop_id, token in tokens.items())
    assert kills == 3
    told = json.loads(cli("keys", "status", "--json").stdout)
    assert told["rotations"][0]["status"] == "in_progress" and told["removable"] == []
    refused = cli("keys", "rotate", keys=f"{BOTH_TEXT},3:{base64.b64encode(bytes(32)).decode()}")
    assert refused.exit_code == 1 and "NK011" in refused.stderr
    done = json.loads(cli("keys", "rotate", "--json").stdout)
    assert (done["is_resumed"], done["status"]) == (True, "completed")
    rotation = look.one("SELECT status, records_updated FROM neanelu.key_rotations")
    assert rotation == {"status": "completed", "records_updated": values(count)}
    assert {shop_id: opened(look, KeyRing({2: KEY_2}), shop_id) for shop_id in tokens} == tokens
    # Again is nothing to do.
    again = json.loads(cli("keys", "rotate", "--json").stdout)
    assert (again["status"], again["resealed"]) == ("completed", 0)


def test_what_does_not_open_is_named_and_keeps_the_rotation_open(db: Database, look: Desk, cli: Run) -> None:
    tokens = fill(look, 5)
    broken = next(iter(tokens))
    look("UPDATE neanelu.shops SET access_token_ciphertext = '\\xdeadbeef' WHERE id = %(i)s", i=broken)
    dry = cli("keys", "rotate", "--dry-run")
    assert dry.exit_code == 0 and "would seal 12 values with key 2" in dry.stdout
    done = cli("keys", "rotate", "--batch", "2")
    assert done.exit_code == 1
    assert (
        "NK015" in done.stderr
        and "shops.access_token_ciphertext" in done.stderr
        and str(broken) in done.stderr
    )
    assert look.one("SELECT status, records_updated AS n FROM neanelu.key_rotations") == {
        "status": "in_progress",
        "n": 11,
    }
    look("SELECT shops.uninstall(%(i)s)", i=broken)
    assert cli("keys", "rotate").exit_code == 0
    assert look.one("SELECT status FROM neanelu.key_rotations")["status"] == "completed"


def test_a_rotation_can_be_given_up(db: Database, look: Desk, cli: Run) -> None:
    fill(look, 2)
    begun = look.one("SELECT rotation_id FROM ops.begin_key_rotation(2)")
    with pytest.raises(KeyReplaced):
        fill(look, 1)
    given_up = cli("keys", "rotate", "--abandon", "--yes", "--json")
    assert json.loads(given_up.stdout)["abandoned"] == str(begun["rotation_id"])
    fill(look, 1)  # the old key seals again
    assert "no rotation is in progress" in cli("keys", "rotate", "--abandon", "--yes").stdout


def test_a_refresher_with_an_old_ring_gets_the_new_key_and_keeps_its_pair(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text(f"1:{KEY_TEXT}\n")
    with run_in_thread() as sandbox, desk(db, "neanelu_worker") as worker, desk(db) as look:
        domain, shop_id = installed(db, sandbox)
        ring = key_ring(app_settings(sandbox, encryption_key=None, encryption_key_file=path))
        look("SELECT ops.begin_key_rotation(2)")
        add_to_key_file(path, TEXT_2)
        assert source(worker, sandbox, shop_id, keys=ring).refresh(insist=True) == "refreshed"
        row = look.one("SELECT key_version FROM neanelu.shops WHERE id = %(i)s", i=shop_id)
        assert row["key_version"] == 2
        assert sandbox.runtime(domain).grants.admits(opened(worker, BOTH, shop_id))


def test_keys_are_generated_and_listed_but_not_shown(
    db: Database, look: Desk, cli: Run, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text(f"1:{KEY_TEXT}\n")
    path.chmod(0o600)
    file = {"keys": "", "NEANELU_ENCRYPTION_KEY_FILE": str(path)}
    fill(look, 3)
    added = cli("keys", "generate", "--add", **file)
    assert added.exit_code == 0 and "key 2 added" in added.stdout
    listed = cli("keys", "list", "--json", **file)
    assert json.loads(listed.stdout) == {
        "source": str(path),
        "keys": [
            {"version": 2, "here": True, "seals": True, "sealed_values": 0},
            {"version": 1, "here": True, "seals": False, "sealed_values": values(3)},
        ],
    }
    assert cli("keys", "rotate", **file).exit_code == 0
    said = [added, listed, cli("keys", "list", **file), cli("keys", "status", **file)]
    for entry in path.read_text().split():
        assert not any(entry.partition(":")[2] in done.stdout + done.stderr for done in said)
    # A ring that lost a key says so, and a printed key is one that works.
    missing = cli("keys", "status", "--json", keys=f"1:{KEY_TEXT}")
    assert json.loads(missing.stdout)["missing"] == [2]
    printed = cli("keys", "generate", keys=BOTH_TEXT)
    assert KeyRing.parse(printed.stdout).versions == [3]
    assert cli("keys", "generate", "--add", keys=BOTH_TEXT).exit_code == 3
    assert cli("keys", "rotate", "--to", "9").exit_code == 3

"""The embedded server: made once, started once, found by programs, and whole again after damage."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from neanelu.platform import PlatformError, distribution
from neanelu.platform.cluster import Cluster, configuration, export_lines
from neanelu.platform.distribution import Distribution, check_timezones, damage, find
from neanelu.platform.scratch import THROWAWAY, Scratch, reachable_folder
from neanelu.settings import Settings, get_settings


@pytest.fixture(scope="module")
def programs() -> Distribution:
    return distribution.provision()


@pytest.fixture
def cluster(programs: Distribution) -> Iterator[Cluster]:
    made = Cluster(reachable_folder("test"), options=THROWAWAY)
    yield made
    made.drop()


def neanelu(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "NEANELU_"))}
    return subprocess.run(
        [sys.executable, "-m", "neanelu", *arguments],
        env={**inherited, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


# --- Life of a server ----------------------------------------------------------------------------------


def test_second_start_does_nothing(cluster: Cluster) -> None:
    assert cluster.status().state == "absent"
    assert cluster.start() is True
    first = cluster.status()
    assert first.state == "running"
    assert cluster.start() is False
    assert cluster.status().pid == first.pid


def test_stop_is_repeatable_and_data_stay(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.dsn()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert cluster.stop() is True
    assert cluster.stop() is False
    assert cluster.status().state == "stopped"
    cluster.start()
    with psycopg.connect(cluster.dsn()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@pytest.mark.parametrize("number", [os.getpid(), 1, 2**22 + 12345], ids=["ours", "init", "nobody's"])
def test_start_after_kill_with_a_pid_file_that_names_another_process(cluster: Cluster, number: int) -> None:
    cluster.start()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.kill()
    assert cluster.status().state == "stopped"
    pid_file = cluster.data / "postmaster.pid"
    rest = pid_file.read_text().split("\n", 1)[1]
    pid_file.write_text(f"{number}\n{rest}")
    assert cluster.status().state == "stopped"
    assert cluster.start() is True
    with psycopg.connect(cluster.dsn()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_large_log_is_turned_at_a_start(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    os.truncate(cluster.log, 65 << 20)
    cluster.start()
    assert cluster.log.stat().st_size < 1 << 20
    assert cluster.log.with_name("postgresql.log.1").stat().st_size == 65 << 20


def test_start_finishes_an_initdb_that_was_killed(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "global/pg_control").unlink()
    (cluster.data / "PG_VERSION").unlink()
    assert cluster.start() is True


def test_data_of_another_major_version_are_refused(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(PlatformError, match="pg_upgrade"):
        cluster.start()


def test_a_server_that_cannot_start_says_why(cluster: Cluster) -> None:
    cluster.options = {**THROWAWAY, "shared_buffers": "none of that"}
    with pytest.raises(PlatformError, match="shared_buffers"):
        cluster.start(timeout=10)


def test_only_the_owner_reaches_data_and_socket(cluster: Cluster) -> None:
    cluster.start()
    for folder in (cluster.data, cluster.socket_dir, cluster.log.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid != 0
    with psycopg.connect(cluster.dsn()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute(
            "SELECT datlocprovider::text, datlocale FROM pg_database LIMIT 1"
        ).fetchone() == (
            "b",
            "C.UTF-8",
        )
        assert connection.info.server_version >= 180006


def test_every_computed_setting_is_accepted_by_the_server(cluster: Cluster) -> None:
    cluster.options = {}
    cluster.start()
    with psycopg.connect(cluster.dsn()) as connection:
        bad = connection.execute(
            "SELECT name, setting, error FROM pg_file_settings WHERE error IS NOT NULL OR NOT applied"
            " AND name NOT IN (SELECT name FROM pg_file_settings WHERE applied)"
        ).fetchall()
    assert bad == []


@pytest.mark.parametrize(("gigabytes", "shared"), [(1, "256MB"), (8, "2048MB"), (64, "4096MB")])
def test_configuration_follows_the_machine_s_memory(gigabytes: int, shared: str) -> None:
    values = {name: value for name, value, _ in configuration(gigabytes << 30, 2)}
    assert values["shared_buffers"] == shared
    assert all(why for _, _, why in configuration(gigabytes << 30, 2))


def test_a_home_too_deep_for_a_socket_still_works(programs: Distribution) -> None:
    base = reachable_folder("deep")
    cluster = Cluster(base / ("d" * 60) / ("e" * 60), options=THROWAWAY)
    try:
        cluster.start()
        assert not cluster.socket_dir.is_relative_to(base)
        with psycopg.connect(cluster.dsn()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        cluster.drop()
        shutil.rmtree(base)


# --- Command line --------------------------------------------------------------------------------------


def test_env_is_eval_safe_and_complete(cluster: Cluster) -> None:
    home = cluster.home / "it's a, home"
    settings = {"NEANELU_HOME": str(home)}
    try:
        assert neanelu("server", "start", **settings).returncode == 0
        script = (
            f'eval "$({sys.executable} -m neanelu server env)"'
            ' && psql -XAtc "SELECT current_user, current_database()" && sqitch --version'
        )
        done = subprocess.run(
            ["sh", "-c", script], env={**os.environ, **settings}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "postgres|neanelu"
        assert "sqitch" in done.stdout
        assert neanelu("server", "status", "--json", **settings).returncode == 0
        psql = neanelu("server", "psql", "-XAtc", "SELECT 6 * 7", **settings)
        assert psql.stdout == "42\n"
        assert neanelu("server", "stop", **settings).returncode == 0
        assert neanelu("server", "status", **settings).returncode == 3
    finally:
        Cluster(home).stop("immediate")


def test_export_lines_quote_what_a_shell_would_read() -> None:
    nasty = {"A": "x y", "B": "$(reboot) `id` \" ' \\ \n ;"}
    shown = 'printf "%s|%s" "$A" "$B"'
    done = subprocess.run(
        ["sh", "-c", f'eval "$LINES"; {shown}'],
        env={"LINES": export_lines(nasty)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{nasty['A']}|{nasty['B']}"


def test_a_database_of_one_s_own_is_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start()
    settings = {
        "NEANELU_DATABASE_URL": cluster.dsn(),
        "NEANELU_HOME": str(tmp_path / "home"),
        "NEANELU_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = neanelu("server", "start", **settings)
    assert done.returncode == 0, done.stderr
    assert "nothing to provision" in done.stdout
    assert neanelu("server", "stop", **settings).returncode == 0
    assert cluster.status().state == "running"
    assert f"PGHOST={cluster.socket_dir}" in neanelu("server", "env", **settings).stdout
    assert list(tmp_path.iterdir()) == []
    cluster.stop()
    assert neanelu("server", "start", **settings).returncode == 3


# --- Programs ------------------------------------------------------------------------------------------


def test_a_host_without_time_zones_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="tzdata"):
        check_timezones(tmp_path)


def test_damage_is_noticed(programs: Distribution, tmp_path: Path) -> None:
    assert damage(programs.root) == []
    assert damage(tmp_path) == ["manifest.json"]
    copy = tmp_path / "copy"
    shutil.copytree(programs.root, copy, symlinks=True, copy_function=os.link)
    assert damage(copy) == []
    control = Path("usr/share/postgresql/18/extension/vector.control")
    (copy / control).unlink()
    (copy / control).write_text("")
    psql = Path("usr/lib/postgresql/18/bin/psql")
    (copy / psql).unlink()
    assert sorted(damage(copy)) == sorted([str(control), str(psql)])


def test_another_package_list_is_another_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = get_settings()
    before = distribution.cache_key(settings)
    monkeypatch.setattr(distribution, "packages", lambda: ["postgresql-18"])
    assert distribution.cache_key(settings) != before


def apt_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch, sources: str) -> None:
    """Make apt-get read these sources, and have no lists yet, as on a fresh machine."""
    (folder / "lists").mkdir()
    (folder / "sources.list").write_text(sources)
    (folder / "apt.conf").write_text(
        f'Dir::State::lists "{folder}/lists";\nDir::Etc::sourcelist "{folder}/sources.list";\n'
        'Dir::Etc::sourceparts "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))


def test_mirror_is_found_before_the_first_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_configuration(
        tmp_path,
        monkeypatch,
        "deb http://other.example/apt stable main\n"
        "deb http://security.example/debian-security bookworm-security main\n"
        "deb http://mirror.example/debian bookworm main\n",
    )
    assert distribution.host_mirror() == "http://mirror.example/debian"


def test_a_host_without_a_debian_mirror_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt_configuration(tmp_path, monkeypatch, "deb http://other.example/apt stable main\n")
    with pytest.raises(PlatformError, match="NEANELU_DEBIAN_MIRROR"):
        distribution.host_mirror()


def test_no_mirror_is_a_clear_error(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path, debian_mirror="http://127.0.0.1:9/debian")
    with pytest.raises(PlatformError, match="is the network up"):
        distribution.provision(settings)
    assert not list(tmp_path.glob(".build-*"))
    assert find(settings) is None


@pytest.mark.slow
def test_two_builds_at_once_a_killed_one_and_a_damaged_one() -> None:
    cache = reachable_folder("cache")
    code = "from neanelu.platform.distribution import provision; print(provision().root)"
    environment = {**os.environ, "NEANELU_CACHE_DIR": str(cache)}

    def build() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        )

    try:
        killed = build()
        while not list(cache.glob("apt/archives/*.deb")) and killed.poll() is None:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        # What a cut download leaves: a file with the right name and the wrong content.
        for archive in list(cache.glob("apt/archives/*.deb"))[:1]:
            archive.write_bytes(archive.read_bytes()[:1000])
        two = [build(), build()]
        roots = {(process.communicate()[0].strip(), process.returncode) for process in two}
        assert len(roots) == 1
        root, code_ = roots.pop()
        assert code_ == 0
        assert damage(Path(root)) == []
        assert not list(cache.glob(".build-*"))
        built = (Path(root) / "manifest.json").stat().st_ino

        (Path(root) / "usr/lib/postgresql/18/bin/postgres").write_bytes(b"")
        again = build()
        assert again.communicate()[0].strip() == root
        assert damage(Path(root)) == []
        assert (Path(root) / "manifest.json").stat().st_ino != built
    finally:
        shutil.rmtree(cache)


def test_scratch_drops_what_a_crash_left_half_dropped(scratch: Scratch) -> None:
    """A server that dies in DROP DATABASE leaves an invalid database, which only another DROP can touch."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    name = f"scratch_{gone.pid}_1"
    with psycopg.connect(scratch.cluster.dsn(dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        connection.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = %s", [name])
        other = Scratch(scratch.cluster.home)
        other.open()
        other.close()
        assert connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None

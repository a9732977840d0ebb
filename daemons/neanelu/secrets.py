"""Seal and open secrets with AES-256-GCM, by a ring of keys with versions.

A sealed secret is bound to its place: table, shop, row, column and key version are authenticated with it
(associated data), so that a ciphertext copied into another row, column or shop does not open there. Neither
keys nor plaintexts appear in a repr, a log line or an exception.

Keys come from the environment, a file, or a command. A ring that came from a file or a command is read again
when it meets a version that it has not, and before it seals when it is a minute old, so that a daemon
lives through a rotation without being started anew.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from neanelu.db.errors import ENVIRONMENT, NeaneluError
from neanelu.settings import Settings, get_settings

log = structlog.get_logger(__name__)

KEY_BYTES: Final = 32
IV_BYTES: Final = 12
TAG_BYTES: Final = 16
KEY_FILE: Final = "encryption.key"
#: The shop of secrets that belong to none.
PLATFORM: Final = UUID(int=0)
_VERSION_BYTES: Final = 4
#: Most bytes that a key command may print.
_COMMAND_LIMIT: Final = 65_536
#: Seconds after which a ring is read again before it seals, and for which a version that it has not is not looked for again.
_STALE_SECONDS: Final = 60.0
_RELOAD_SECONDS: Final = 2.0
_ENTRY: Final = re.compile(r"(?:(?P<version>[1-9][0-9]{0,8}):)?(?P<key>[A-Za-z0-9+/_=-]+)")


class KeyUnusable(NeaneluError):
    """There is no usable key: missing, malformed, or not the version that is needed."""

    default_code = "NK001"
    exit_code = ENVIRONMENT


class KeyCommandFailed(KeyUnusable):
    """The command that should print the keys did not."""

    default_code = "NK003"


class OpenError(NeaneluError):
    """A sealed secret does not open: other key, other place, or changed bytes. Which one cannot be told."""

    default_code = "NK002"
    exit_code = ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed secret stands. `row` is the row's key as text; of table shops it is the shop's id."""

    table: str
    shop_id: UUID
    row: str
    column: str

    def associated_data(self, key_version: int) -> bytes:
        """Return what is authenticated with the secret; no part may contain the separator."""
        parts = (self.table, str(self.shop_id), self.row, self.column, str(key_version))
        if any("|" in part for part in parts):
            raise ValueError("a part of a secret's place contains the separator")
        return "|".join(parts).encode()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed secret as the database keeps it."""

    ciphertext: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    tag: bytes = field(repr=False)
    key_version: int

    def pack(self) -> bytes:
        """Return version, IV, tag and ciphertext in one piece, for places that have one column."""
        return self.key_version.to_bytes(_VERSION_BYTES, "big") + self.iv + self.tag + self.ciphertext

    @classmethod
    def unpack(cls, packed: bytes) -> Sealed:
        """Return what `pack` was given; raises OpenError when it is too short to be one."""
        head = _VERSION_BYTES + IV_BYTES + TAG_BYTES
        if len(packed) < head:
            raise OpenError("the sealed secret is too short to be one")
        version = int.from_bytes(packed[:_VERSION_BYTES], "big")
        iv = packed[_VERSION_BYTES : _VERSION_BYTES + IV_BYTES]
        return cls(packed[head:], iv, packed[_VERSION_BYTES + IV_BYTES : head], version)


class KeyRing:
    """Keys by version: all of them open, and one seals, the highest unless told otherwise.

    Args:
        keys: 32 bytes by version.
        sealing: version that seals.
        reload: reads the ring anew, where it can have changed.

    Raises:
        KeyUnusable: no key, one of another length, or no key of the sealing version.
    """

    __slots__ = ("_keys", "_lock", "_read_at", "_reload", "sealing_version")

    def __init__(
        self,
        keys: Mapping[int, bytes],
        *,
        sealing: int | None = None,
        reload: Callable[[], KeyRing] | None = None,
    ) -> None:
        if not keys:
            raise KeyUnusable("there is no encryption key", hint="Set NEANELU_ENCRYPTION_KEY or _KEY_FILE.")
        for version, key in keys.items():
            if version < 1 or len(key) != KEY_BYTES:
                raise KeyUnusable(
                    f"encryption key {version} has {len(key)} bytes instead of {KEY_BYTES}",
                    hint="Make one with: openssl rand -base64 32",
                )
        if sealing is not None and sealing not in keys:
            raise KeyUnusable(f"there is no encryption key {sealing} to seal with")
        self._keys = {version: AESGCM(key) for version, key in keys.items()}
        self.sealing_version = sealing or max(keys)
        self._reload = reload
        self._read_at = time.monotonic()
        self._lock = threading.Lock()

    @classmethod
    def parse(
        cls, text: str, *, sealing: int | None = None, reload: Callable[[], KeyRing] | None = None
    ) -> KeyRing:
        """Return the ring that a setting describes: `BASE64`, or `2:BASE64,1:BASE64`, or one key a line.

        A key without a version has version 1. Lines that start with # are comments.

        Raises:
            KeyUnusable: it is not that; the message never repeats the text.
        """
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        keys: dict[int, bytes] = {}
        for number, entry in enumerate(filter(None, re.split(r"[,\s]+", " ".join(lines))), start=1):
            match = _ENTRY.fullmatch(entry)
            if match is None:
                raise KeyUnusable(f"encryption key number {number} is not VERSION:BASE64 or BASE64")
            version = int(match["version"] or 1)
            if version in keys:
                raise KeyUnusable(f"there are two encryption keys of version {version}")
            try:
                keys[version] = base64.b64decode(match["key"].translate({45: "+", 95: "/"}), validate=True)
            except (binascii.Error, ValueError):
                # The cause would show the text.
                raise KeyUnusable(f"encryption key {version} is not base64") from None
        return cls(keys, sealing=sealing, reload=reload)

    @property
    def versions(self) -> list[int]:
        """The versions that can be opened, newest first."""
        return sorted(self._keys, reverse=True)

    def __repr__(self) -> str:
        """Return the versions; never a key."""
        return f"KeyRing(versions={self.versions})"

    def refresh(self, older_than: float = 0.0) -> bool:
        """Read the keys anew where they can have changed; says whether it did.

        A source that fails just now changes nothing: the keys that were read stay good.
        """
        with self._lock:
            if self._reload is None or time.monotonic() - self._read_at < older_than:
                return False
            self._read_at = time.monotonic()
            try:
                fresh = self._reload()
            except KeyUnusable as error:
                log.warning("encryption keys not read again", code=error.code, error=error.message)
                return False
            self._keys, self.sealing_version = fresh._keys, fresh.sealing_version
            return True

    def seal(self, secret: str | bytes, place: Place) -> Sealed:
        """Return the secret, sealed for this place and no other."""
        self.refresh(_STALE_SECONDS)
        version = self.sealing_version
        iv = os.urandom(IV_BYTES)
        plain = secret.encode() if isinstance(secret, str) else secret
        sealed = self._keys[version].encrypt(iv, plain, place.associated_data(version))
        return Sealed(sealed[:-TAG_BYTES], iv, sealed[-TAG_BYTES:], version)

    def open(self, sealed: Sealed, place: Place) -> bytes:
        """Return what was sealed.

        Raises:
            KeyUnusable: the ring has no key of that version.
            OpenError: it was sealed with another key or for another place, or its bytes were changed.
        """
        key = self._keys.get(sealed.key_version)
        if key is None and self.refresh(_RELOAD_SECONDS):
            key = self._keys.get(sealed.key_version)
        if key is None:
            raise KeyUnusable(
                f"the secret in {place.table}.{place.column} is sealed with key {sealed.key_version}, "
                f"and the ring has {', '.join(map(str, self.versions))}",
                hint="Add that key to NEANELU_ENCRYPTION_KEY as VERSION:BASE64.",
            )
        try:
            if len(sealed.iv) != IV_BYTES or len(sealed.tag) != TAG_BYTES:
                raise InvalidTag
            return key.decrypt(
                sealed.iv, sealed.ciphertext + sealed.tag, place.associated_data(sealed.key_version)
            )
        except InvalidTag:
            raise OpenError(
                f"the secret in {place.table}.{place.column} of shop {place.shop_id} does not open with key "
                f"{sealed.key_version}: another key, another place, or changed bytes",
                hint="Is the key the one it was sealed with? If that is lost, add the shop again.",
            ) from None


def token_place(shop_id: UUID) -> Place:
    """Return the place of a shop's access token."""
    return Place("shops", shop_id, str(shop_id), "access_token_ciphertext")


def webhook_secret_place(shop_id: UUID) -> Place:
    """Return the place of a shop's webhook secret (packed in one column)."""
    return Place("shops", shop_id, str(shop_id), "webhook_secret")


def refresh_token_place(shop_id: UUID) -> Place:
    """Return the place of a shop's refresh token (packed in one column)."""
    return Place("shop_tokens", shop_id, str(shop_id), "refresh_token")


def config_place(key: str) -> Place:
    """Return the place of a sensitive setting of the platform."""
    return Place("system_config", PLATFORM, key, "value")


def place_of(place: str, shop_id: UUID, row: str) -> Place:
    """Return the place that the database's registry of sealed values calls `table.column`."""
    table, _, column = place.partition(".")
    return Place(table, shop_id, row, column)


def key_ring(settings: Settings | None = None) -> KeyRing:
    """Return the ring of the settings; for the embedded cluster a key is made on first use.

    Raises:
        KeyUnusable: no key is set and the database is not the embedded one, or the key is unreadable.
        KeyCommandFailed: the command that prints the keys failed.
    """
    settings = settings or get_settings()
    sealing = settings.encryption_sealing_version
    if settings.encryption_key is not None:
        return KeyRing.parse(settings.encryption_key.get_secret_value(), sealing=sealing)

    def again() -> KeyRing:
        return key_ring(settings)

    if settings.encryption_key_file is None and settings.encryption_key_command is not None:
        text = run_key_command(settings.encryption_key_command, settings.encryption_key_command_seconds)
        return KeyRing.parse(text, sealing=sealing, reload=again)
    path = key_file(settings)
    if path is None:
        raise KeyUnusable(
            "there is no encryption key",
            hint="Set NEANELU_ENCRYPTION_KEY, _KEY_FILE or _KEY_COMMAND (openssl rand -base64 32).",
        )
    if settings.encryption_key_file is None:
        make_key_file(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyUnusable(f"the encryption key in {path} cannot be read: {reason}") from None
    return KeyRing.parse(text, sealing=sealing, reload=again)


def key_file(settings: Settings) -> Path | None:
    """Return the file that the keys are in, None when they come from elsewhere or nowhere."""
    if settings.encryption_key is not None:
        return None
    if settings.encryption_key_file is not None:
        return settings.encryption_key_file
    if settings.encryption_key_command is not None or settings.database_url:
        return None
    return settings.home / KEY_FILE


def run_key_command(command: str, seconds: float) -> str:
    """Return what a command prints: keys, as a file would have them.

    It runs without a shell. What it prints, on either stream, is never repeated anywhere.

    Raises:
        KeyCommandFailed: it cannot be run, failed, took too long, or printed too much or no text.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise KeyCommandFailed("NEANELU_ENCRYPTION_KEY_COMMAND is not a command with arguments")
    # Raised outside of the handlers: an exception's context would hold what the command printed.
    problem, output = "", b""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False, close_fds=True
        )
        output = done.stdout
        if done.returncode != 0:
            problem = f"failed with exit code {done.returncode}"
        elif len(output) > _COMMAND_LIMIT:
            problem = "printed more than keys"
        elif not output.isascii():
            problem = "printed what is not text"
    except subprocess.TimeoutExpired:
        problem = f"took longer than {seconds:g} s"
    except OSError as error:
        problem = f"cannot be run: {error.strerror}"
    if problem:
        raise KeyCommandFailed(f"the key command {Path(words[0]).name} {problem}")
    return output.decode("ascii")


def new_key(version: int) -> str:
    """Return a new random key as an entry of a ring."""
    return f"{version}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def add_to_key_file(path: Path, entry: str) -> None:
    """Append a key to a file, replacing it whole or not at all; its mode stays.

    Raises:
        KeyUnusable: the file cannot be read or its folder not written.
    """
    try:
        old = path.read_text("utf-8")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(old if not old or old.endswith("\n") else f"{old}\n")
                file.write(f"{entry}\n")
                file.flush()
                os.fsync(file.fileno())
            status = path.stat()
            os.chown(name, status.st_uid, status.st_gid)
            Path(name).chmod(status.st_mode & 0o777)
            Path(name).replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
    except OSError as error:
        raise KeyUnusable(f"no key can be added to {path}: {error.strerror}") from None


def make_key_file(path: Path) -> bool:
    """Write a new random key to a file of mode 0600 unless it is there; safe against two makers at once.

    Returns:
        True when this call made it.

    Raises:
        KeyUnusable: the folder cannot be written.
    """
    if path.exists():
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(
                    "# Seals the access tokens of this cluster's shops. Back it up; keep it secret.\n"
                    f"1:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}\n"
                )
                file.flush()
                os.fsync(file.fileno())
            # A hard link appears whole or not at all, and never replaces the key of a quicker maker.
            os.link(name, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
    except FileExistsError:
        return False
    except OSError as error:
        raise KeyUnusable(f"no encryption key can be made in {path}: {error.strerror}") from None
    return True

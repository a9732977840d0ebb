"""AES-256-GCM, as the key ring uses it, opens what the standard's vectors say, and nothing that was touched.

Wycheproof's habit: every valid case is also tried with each part changed in the ways that implementations have
overlooked. Where the vectors come from stands in data/aesgcm/ORIGIN.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from neanelu.secrets import PLATFORM, KeyRing, OpenError, Sealed, token_place

FILE = Path(__file__).parent / "data" / "aesgcm" / "vectors.json"
(GROUP,) = json.loads(FILE.read_text())["testGroups"]
CASES: list[dict[str, Any]] = GROUP["tests"]


@dataclass(frozen=True)
class Anywhere:
    """A place whose associated data are a vector's."""

    aad: bytes
    table: str = "vectors"
    column: str = "ct"
    shop_id: UUID = PLATFORM

    def associated_data(self, _: int) -> bytes:
        return self.aad


def parts(case: dict[str, Any]) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes]:
    key, iv, aad, msg, ct, tag = (
        bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")
    )
    return key, iv, aad, msg, ct, tag


def opens(key: bytes, iv: bytes, aad: bytes, ct: bytes, tag: bytes) -> bytes:
    return KeyRing({1: key}).open(Sealed(ct, iv, tag, 1), Anywhere(aad))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["comment"])
def test_what_is_valid_opens(case: dict[str, Any]) -> None:
    key, iv, aad, msg, ct, tag = parts(case)
    assert case["result"] == "valid"
    assert opens(key, iv, aad, ct, tag) == msg
    assert AESGCM(key).encrypt(iv, msg, aad) == ct + tag


def flips(data: bytes) -> Iterator[bytes]:
    """Yield the data with each bit turned."""
    for position in range(len(data) * 8):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        yield bytes(changed)


def tampered(case: dict[str, Any]) -> Iterator[tuple[str, bytes, bytes, bytes, bytes, bytes]]:
    """Yield (what was done, key, iv, aad, ct, tag) of invalid cases."""
    key, iv, aad, _, ct, tag = parts(case)
    for name, changes in {
        "a bit of the tag": flips(tag),
        "a bit of the tag and its mirror": (
            bytes(a ^ b for a, b in zip(t, reversed(tag), strict=True)) for t in flips(tag)
        ),
        "tag of zeros, ones, inverted, of high bits": iter(
            [
                bytes(16),
                b"\xff" * 16,
                bytes(b ^ 0xFF for b in tag),
                bytes(b ^ 0x80 for b in tag),
                bytes(b ^ 1 for b in tag),
            ]
        ),
        "tag of another length": iter(
            [b"", *(tag[:n] for n in (1, 4, 8, 12, 13, 14, 15)), tag + b"\0", tag * 2]
        ),
    }.items():
        for changed in changes:
            if changed != tag:
                yield name, key, iv, aad, ct, changed
    for changed in flips(iv):
        yield "a bit of the nonce", key, changed, aad, ct, tag
    for length in (0, 1, 8, 11, 13, 16, 32):
        yield "nonce of another length", key, (iv * 3)[:length], aad, ct, tag
    for changed in flips(ct):
        yield "a bit of the ciphertext", key, iv, aad, changed, tag
    for changed in (ct[:-1], ct + b"\0", ct[16:], b"\0" + ct):
        if changed != ct:
            yield "ciphertext of another length", key, iv, aad, changed, tag
    for changed in [*flips(aad), aad + b"\0", aad[:-1], aad + ct[:1]]:
        if changed != aad:
            yield "associated data", key, iv, changed, ct, tag
    for changed in list(flips(key))[::8]:
        yield "a bit of the key", changed, iv, aad, ct, tag
    if ct:
        yield "tag and ciphertext moved against one another", key, iv, aad, ct[:-1], ct[-1:] + tag[:-1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["comment"])
def test_what_was_touched_does_not_open(case: dict[str, Any]) -> None:
    tried = 0
    for what, key, iv, aad, ct, tag in tampered(case):
        with pytest.raises(OpenError):
            opens(key, iv, aad, ct, tag)
            pytest.fail(f"{case['comment']}: opened with {what} changed")
        tried += 1
    assert tried > 250


def test_a_nonce_is_never_used_again() -> None:
    ring, place = KeyRing({1: bytes(32)}), token_place(uuid4())
    assert len({ring.seal("x", place).iv for _ in range(20_000)}) == 20_000

"""Secrets open in their own place, with their own key, and nowhere else; and they are never shown."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from neanelu.secrets import (
    KeyRing,
    KeyUnusable,
    OpenError,
    Place,
    Sealed,
    key_ring,
    make_key_file,
    token_place,
    webhook_secret_place,
)
from neanelu.settings import Settings

TOKEN = "shpat_0123456789abcdef"
KEY_1 = bytes(range(32))
KEY_2 = bytes(range(32, 64))
B64_1 = base64.b64encode(KEY_1).decode()
B64_2 = base64.b64encode(KEY_2).decode()


def test_what_was_sealed_opens() -> None:
    ring, place = KeyRing({1: KEY_1}), token_place(uuid4())
    sealed = ring.seal(TOKEN, place)
    assert ring.open(sealed, place) == TOKEN.encode()
    assert TOKEN.encode() not in sealed.ciphertext
    assert (len(sealed.iv), len(sealed.tag), sealed.key_version) == (12, 16, 1)


def test_the_same_secret_never_looks_the_same() -> None:
    ring, place = KeyRing({1: KEY_1}), token_place(uuid4())
    assert len({ring.seal(TOKEN, place).ciphertext for _ in range(50)}) == 50


@pytest.mark.parametrize("part", ["table", "shop_id", "row", "column"])
def test_a_secret_does_not_open_in_another_place(part: str) -> None:
    ring, place = KeyRing({1: KEY_1}), token_place(uuid4())
    sealed = ring.seal(TOKEN, place)
    other = replace(place, **{part: uuid4() if part == "shop_id" else "other"})
    with pytest.raises(OpenError) as caught:
        ring.open(sealed, other)
    assert caught.value.code == "NK002"


def test_a_secret_does_not_open_under_another_key_version_or_when_changed() -> None:
    ring, place = KeyRing({1: KEY_1, 2: KEY_1}), token_place(uuid4())
    sealed = ring.seal(TOKEN, place)
    flipped = bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]
    for bad in (
        replace(sealed, key_version=1),
        replace(sealed, ciphertext=flipped),
        replace(sealed, tag=sealed.tag[:-1]),
        replace(sealed, iv=sealed.iv[::-1]),
    ):
        with pytest.raises(OpenError):
            ring.open(bad, place)


def test_the_newest_key_seals_and_old_ones_still_open() -> None:
    place = token_place(uuid4())
    old = KeyRing.parse(B64_1).seal(TOKEN, place)
    both = KeyRing.parse(f"2:{B64_2},1:{B64_1}")
    assert both.open(old, place) == TOKEN.encode()
    new = both.seal(TOKEN, place)
    assert new.key_version == 2
    with pytest.raises(KeyUnusable, match="sealed with key 2"):
        KeyRing.parse(B64_1).open(new, place)


def test_a_packed_secret_is_the_same_secret() -> None:
    ring, place = KeyRing({7: KEY_1}), webhook_secret_place(uuid4())
    sealed = ring.seal(TOKEN, place)
    assert Sealed.unpack(sealed.pack()) == sealed
    assert ring.open(Sealed.unpack(sealed.pack()), place) == TOKEN.encode()
    with pytest.raises(OpenError, match="too short"):
        Sealed.unpack(sealed.pack()[:31])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n# only a comment\n",
        "abc",
        f"0:{B64_1}",
        f"1:{B64_1},1:{B64_2}",
        f"{B64_1}{B64_1}",
        "x:y",
        "1:!!",
    ],
)
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(KeyUnusable) as caught:
        KeyRing.parse(text)
    assert caught.value.exit_code == 3
    for word in text.replace(",", " ").split():
        assert word in "#" or word not in str(caught.value) or len(word) < 3


def test_nothing_shows_keys_or_secrets() -> None:
    ring, place = KeyRing.parse(f"2:{B64_2}\n1:{B64_1}\n"), token_place(uuid4())
    sealed = ring.seal(TOKEN, place)
    settings = Settings(encryption_key=SecretStr(B64_1))
    shown = f"{ring!r} {sealed!r} {settings!r} {settings.model_dump()}"
    for secret in (TOKEN, B64_1, B64_2, repr(KEY_1), repr(sealed.ciphertext)):
        assert secret not in shown
    assert repr(ring) == "KeyRing(versions=[2, 1])"


def test_a_place_cannot_be_written_in_two_ways() -> None:
    with pytest.raises(ValueError, match="separator"):
        Place("shops|x", uuid4(), "row", "column").associated_data(1)


def test_the_embedded_cluster_gets_one_key_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=None, encryption_key=None)
    first, place = key_ring(settings), token_place(uuid4())
    sealed = first.seal(TOKEN, place)
    assert key_ring(settings).open(sealed, place) == TOKEN.encode()
    path = tmp_path / "home" / "encryption.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["encryption.key"]


def test_two_makers_of_a_key_agree(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from neanelu.secrets import make_key_file;"
    script += "print(make_key_file(Path(sys.argv[1])))"
    makers = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path / "k"], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = [maker.communicate()[0].strip() for maker in makers]
    assert sorted(answers) == ["False", "False", "False", "True"]
    assert KeyRing.parse((tmp_path / "k").read_text()).versions == [1]
    assert make_key_file(tmp_path / "k") is False


def test_a_database_of_ones_own_needs_a_key_of_ones_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="host=/nowhere", encryption_key=None)
    with pytest.raises(KeyUnusable, match="no encryption key"):
        key_ring(settings)
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = Settings(encryption_key=None, encryption_key_file=tmp_path / "none")
    with pytest.raises(KeyUnusable, match="none cannot be read"):
        key_ring(settings)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyUnusable, match="it is not text"):
        key_ring(Settings(encryption_key=None, encryption_key_file=tmp_path / "binary"))

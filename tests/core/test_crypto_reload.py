"""A ring that follows its file: what a command changes there reaches every process within a second of use."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.crypto import KeyRing, SealBroken, load_keys
from core.key_document import KeyDocument, KeyFile, KeysUnusable
from core.settings import Settings


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Counted(KeyFile):
    reads = looks = 0

    def read(self) -> KeyDocument:
        self.reads += 1
        return super().read()

    def read_if_changed(self) -> KeyDocument | None:
        self.looks += 1
        return super().read_if_changed()


class Followed:
    """A ring over a file that somebody else changes."""

    def __init__(self, folder: Path) -> None:
        self.other = KeyFile(folder / "secrets.json", strict=False)
        self.other.make_if_missing()
        self.file, self.ticks = Counted(self.other.path, strict=False), Ticks()
        first = self.file.read()
        self.ring = KeyRing(first.current, first.keys, first.index, file=self.file, monotonic=self.ticks)
        self.file.reads = self.file.looks = 0

    def switch(self) -> KeyDocument:
        """The other process brings in a new key and makes it current; answers what is written then."""
        after = self.other.read().with_next().with_next_current()
        self.other.replace(after)
        return after

    def sealed_elsewhere(self, document: KeyDocument) -> bytes:
        return KeyRing(document.current, document.keys, document.index).seal(b"x", bound_to="r")


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_a_new_current_key_is_used_a_second_later_and_not_before(followed: Followed) -> None:
    followed.switch()
    followed.ticks.now += 0.999
    assert followed.ring.seal(b"x", bound_to="r").startswith(b"\x02\x02k1")
    followed.ticks.now += 0.001
    assert followed.ring.seal(b"x", bound_to="r").startswith(b"\x02\x02k2")


def test_a_seal_under_a_key_not_met_yet_opens_at_once(followed: Followed) -> None:
    sealed = followed.sealed_elsewhere(followed.switch())
    assert followed.ring.open(sealed, bound_to="r") == b"x"
    assert followed.ring.current == "k2"


def test_a_flood_of_unknown_key_ids_reads_nothing(followed: Followed) -> None:
    for number in range(1_000):
        with pytest.raises(SealBroken):
            followed.ring.open(b"\x02\x05" + f"{number:05}".encode() + os.urandom(60), bound_to="r")
    assert followed.file.reads == 0


def test_known_keys_look_once_a_second_however_much_is_sealed(followed: Followed) -> None:
    for _ in range(3):
        followed.ticks.now += 1
        for _ in range(100):
            followed.ring.open(followed.ring.seal(b"x", bound_to="r"), bound_to="r")
    assert followed.file.looks == 3
    assert followed.file.reads == 0


def test_a_key_that_was_taken_out_opens_nothing_a_second_later(followed: Followed) -> None:
    sealed = followed.ring.seal(b"x", bound_to="r")
    followed.switch()
    followed.ticks.now += 1
    assert followed.ring.open(sealed, bound_to="r") == b"x"
    followed.other.replace(followed.other.read().without("k1"))
    followed.ticks.now += 1
    with pytest.raises(SealBroken):
        followed.ring.open(sealed, bound_to="r")


@pytest.mark.parametrize("nonsense", ["", "{}", "hush-hush", '{"current": "k9"}'])
def test_a_file_gone_bad_is_logged_once_without_its_words_and_the_keys_stay(followed: Followed, nonsense: str) -> None:
    sealed = followed.ring.seal(b"x", bound_to="r")
    followed.other.path.write_text(nonsense)
    with capture_logs() as logs:
        for _ in range(3):
            followed.ticks.now += 1
            assert followed.ring.open(sealed, bound_to="r") == b"x"
    assert [line["event"] for line in logs] == ["keys.file_unusable"]
    assert "hush-hush" not in str(logs)


def test_a_file_that_went_away_and_came_back_is_followed_again(followed: Followed) -> None:
    after = followed.other.read().with_next().with_next_current()
    followed.other.path.unlink()
    followed.ticks.now += 1
    assert followed.ring.current == "k1"
    followed.other.path.write_text(after.written())
    followed.ticks.now += 1
    assert followed.ring.current == "k2"


def test_a_file_that_could_not_be_read_for_a_moment_is_read_at_the_next_look(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a process has all the files open that it may, just when the keys change."""
    sealed = followed.sealed_elsewhere(followed.switch())

    def no_more_files(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as crowded:
        crowded.setattr(Path, "open", no_more_files)
        with pytest.raises(SealBroken):
            followed.ring.open(sealed, bound_to="r")
    assert followed.ring.open(sealed, bound_to="r") == b"x"


def test_a_change_that_fails_leaves_no_copy_of_the_keys_behind(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "replace", no_room)
    with pytest.raises(KeysUnusable):
        followed.switch()
    assert [path.name for path in followed.other.path.parent.iterdir()] == ["secrets.json"]


def test_another_index_key_is_never_taken_up(followed: Followed) -> None:
    index = followed.ring.blind_index("a", domain="x")
    first = followed.other.read()
    followed.other.replace(KeyDocument("k2", {**first.keys, "k2": os.urandom(32)}, os.urandom(32)))
    followed.ticks.now += 1
    with capture_logs() as logs:
        assert followed.ring.current == "k1"
    assert followed.ring.blind_index("a", domain="x") == index
    assert [line["event"] for line in logs] == ["keys.index_changed"]


def test_poor_keys_are_not_taken_up_in_production(tmp_path: Path) -> None:
    path, good = tmp_path / "keys.json", KeyDocument("k1", {"k1": os.urandom(32)}, os.urandom(32))
    path.write_text(good.written())
    file, ticks = KeyFile(path, strict=True), Ticks()
    file.read()
    ring = KeyRing("k1", good.keys, good.index, file=file, monotonic=ticks)
    path.write_text(KeyDocument("k0", {**good.keys, "k0": bytes(32)}, good.index).written())
    ticks.now += 1
    assert ring.current == "k1"


def test_a_development_ring_follows_the_file_in_its_data_folder(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    ring, file = load_keys(settings), KeyFile(tmp_path / "secrets.json", strict=False)
    after = file.read().with_next().with_next_current()
    file.replace(after)
    sealed = KeyRing(after.current, after.keys, after.index).seal(b"x", bound_to="r")
    assert ring.open(sealed, bound_to="r") == b"x"


def test_a_ring_from_the_environment_has_nothing_to_follow() -> None:
    text = KeyDocument("k1", {"k1": os.urandom(32)}, os.urandom(32)).written()
    ring = load_keys(Settings(secret_keys=text))  # type: ignore[arg-type]
    with pytest.raises(SealBroken):
        ring.open(b"\x02\x02k9" + os.urandom(60), bound_to="r")

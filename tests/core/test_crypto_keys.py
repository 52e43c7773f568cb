"""The document with the keys: what is refused, and that no sentence about it repeats it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from core.crypto import load_keys
from core.key_document import KeyDocument, KeyFile, KeysUnusable, following_id, waiting_id
from core.settings import Environment, Settings
from core.text import Language

SECRET: Final = "hush-hush-this-is-secret"


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def document(**changes: Any) -> dict[str, Any]:
    keys = {"k1": encoded(os.urandom(32)), "k2": encoded(os.urandom(32))}
    return {"current": "k2", "keys": keys, "index": encoded(os.urandom(32)), **changes}


def settings(text: str, environment: Environment = Environment.PRODUCTION) -> Settings:
    return Settings(
        environment=environment,
        public_url="https://sitthi.example",
        database_url="postgresql://db/sitthi",
        redis_url="redis://cache/0",
        secret_keys=text,  # type: ignore[arg-type]
        thaid_issuer="https://thaid.example",
        thaid_client_secret="of-this-test",  # type: ignore[arg-type]
        sandbox=False,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SECRET, "not JSON"),
        ('{"keys": {"k1": "' + SECRET, "not JSON"),
        ("[" * 100_000, "not JSON"),
        (json.dumps([SECRET]), "not a JSON object"),
        (json.dumps({"index": SECRET}), "no “keys”"),
        (json.dumps(document(keys={})), "no “keys”"),
        (json.dumps(document(keys=[SECRET])), "no “keys”"),
        (json.dumps(document(keys={SECRET + "!": "k1"})), "id of key number 1"),
        (json.dumps(document(keys={"k2": SECRET})), "key number 1"),
        (json.dumps(document(keys={"k2": [SECRET]})), "key number 1"),
        (json.dumps(document(keys={"k2": encoded(os.urandom(31))})), "key number 1"),
        (json.dumps(document(keys={"k2": encoded(os.urandom(33))})), "key number 1"),
        (json.dumps(document(index=SECRET)), "“index”"),
        (json.dumps({k: v for k, v in document().items() if k != "index"}), "“index”"),
        (json.dumps(document(current=SECRET)), "“current”"),
        (json.dumps(document(current=None)), "“current”"),
        (json.dumps(document(current=["k2"])), "“current”"),
        (json.dumps(document(next=SECRET)), "“next”"),
        (json.dumps(document(next=["k2"])), "“next”"),
        ('{"current": "k1", "current": "' + SECRET + '"}', "twice"),
    ],
    ids=lambda value: value if len(value) < 30 and SECRET not in value else "document",  # its keys are new each time
)
def test_a_malformed_document_is_a_sentence_without_what_it_says(text: str, told: str) -> None:
    with pytest.raises(KeysUnusable) as caught:
        load_keys(settings(text))
    assert told in caught.value.message(Language.EN)
    for language in Language:
        assert SECRET not in caught.value.message(language)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def documents(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["current", "keys", "index", "next", "k1"])
    return st.lists(inner) | st.dictionaries(names, inner)


@limits(deadline=None)  # making the values takes longer than reading them
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), documents))
def test_json_that_is_no_document_is_a_sentence(anything: object) -> None:
    with pytest.raises(KeysUnusable):
        KeyDocument.parse(json.dumps(anything))


ONE, TWO = os.urandom(32), os.urandom(32)


@pytest.mark.parametrize(
    ("keys", "index"),
    [
        ({"k1": bytes(32)}, ONE),
        ({"k1": ONE}, bytes(32)),
        ({"k1": bytes(range(32))}, ONE),
        ({"k1": bytes(range(255, 255 - 64, -2))}, ONE),
        ({"k1": b"0123456789abcdefghijklmnopqrstuv"}, ONE),
        ({"k1": bytes(ONE[:16] * 2)}, TWO),
        ({"k1": ONE}, ONE),
        ({"k1": ONE, "k2": ONE}, TWO),
        ({"k1": ONE, "k2": TWO}, TWO),
    ],
    ids=lambda value: "",
)
def test_production_starts_with_no_key_of_an_example_and_none_twice(keys: dict[str, bytes], index: bytes) -> None:
    poor = KeyDocument("k1", keys, index).written()
    with pytest.raises(KeysUnusable):
        load_keys(settings(poor))
    own = {"environment": Environment.DEVELOPMENT, "secret_keys": poor}
    assert load_keys(Settings(**own)).current == "k1"  # type: ignore[arg-type]


def test_production_starts_with_random_keys() -> None:
    assert load_keys(settings(json.dumps(document()))).current == "k2"


def test_a_random_key_is_not_taken_for_an_example() -> None:
    for _ in range(1_000):
        KeyDocument("k1", {"k1": os.urandom(32)}, os.urandom(32)).refuse_poor_keys()


def test_keys_that_a_development_server_made_do_not_go_to_production(tmp_path: Path) -> None:
    load_keys(Settings(data=tmp_path))
    with pytest.raises(KeysUnusable, match="development"):
        load_keys(settings((tmp_path / "secrets.json").read_text()))


def test_a_file_of_keys_is_held_to_the_same(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    given = settings("{}").model_copy(update={"secret_keys": None, "secret_keys_file": file})
    with pytest.raises(KeysUnusable, match="cannot be read"):
        load_keys(given)
    file.write_text(KeyDocument("k1", {"k1": bytes(32)}, os.urandom(32)).written())
    with pytest.raises(KeysUnusable, match="not random"):
        load_keys(given)
    file.write_bytes(b"\xff" + os.urandom(100))
    with pytest.raises(KeysUnusable, match="cannot be read"):
        load_keys(given)
    file.write_text(" " * 70_000)
    with pytest.raises(KeysUnusable, match="too long"):
        load_keys(given)
    file.write_text(json.dumps(document()))
    assert load_keys(given).current == "k2"


def test_a_rotation_of_the_document_announces_then_switches_then_drops() -> None:
    first = KeyDocument.fresh()
    announced = first.with_next()
    assert (announced.current, announced.next, set(announced.keys)) == ("k1", "k2", {"k1", "k2"})
    switched = announced.with_next_current()
    assert (switched.current, switched.next, switched.resealing) == ("k2", None, True)
    assert KeyDocument.parse(switched.written()) == switched
    alone = switched.without("k1")
    assert (alone.current, set(alone.keys), alone.index) == ("k2", {"k2"}, first.index)
    assert set(alone.with_next().keys) == {"k2", "k3"}, "no id comes back with another key"


@pytest.mark.parametrize(
    ("there", "following"),
    [([], "k1"), (["k1"], "k2"), (["k9", "k10"], "k11"), (["2026", "kx", "k"], "k1"), (["2026", "k3"], "k4")],
)
def test_the_next_key_is_numbered_above_all_there_are(there: list[str], following: str) -> None:
    assert following_id(there) == following


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "gone" / "secrets.json", strict=False)
    with pytest.raises(KeysUnusable, match="cannot be written"), file.being_changed():
        pass
    with pytest.raises(KeysUnusable, match="cannot be written"):
        file.replace(KeyDocument.fresh())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
def test_a_file_replaced_by_root_stays_its_owners(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secrets.json", strict=False)
    file.make_if_missing()
    os.chown(file.path, 12_345, 12_346)
    file.replace(file.read().with_next())
    found = file.path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12_345, 12_346, 0o600)


def test_a_replaced_file_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secrets.json", strict=False)
    file.make_if_missing()
    after = file.read().with_next()
    file.replace(after)
    assert file.read() == after
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize(
    ("there", "current", "waiting"),
    [
        (["k1"], "k1", None),
        (["k1", "k2"], "k1", "k2"),
        (["k2", "k1"], "k1", "k2"),
        (["k1", "k2"], "k2", None),
        (["k9", "k10"], "k9", "k10"),
        (["k1", "spare"], "k1", None),
        (["main", "k1"], "main", None),
    ],
)
def test_the_key_that_waits_to_become_current_is_the_one_numbered_after_it(
    there: list[str], current: str, waiting: str | None
) -> None:
    assert waiting_id(there, current) == waiting

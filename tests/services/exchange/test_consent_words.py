"""The words of a consent: kept for ever, and asked about again only where they mean something else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strict_yaml import FileError
from core.text import Text
from services.exchange.consent.errors import ConsentTextChanged
from services.exchange.consent.service import ConsentStatus
from services.exchange.consent.texts import ConsentTexts, Words, build_texts, load_texts, words_hash
from services.exchange.facts import FactState
from tests.services.exchange.consenting import ATTRIBUTES, SCREENING, Citizen, texts, words
from tests.services.exchange.fakes import CATALOGUE, Exchange

NOW = date(2026, 11, 16)
"""Of the fixed clock."""
FIRST = words("2569-1", date(2026, 1, 1))
CLEARER = words("2569-1.1", date(2026, 12, 1))
OTHER = words("2569-2", date(2026, 12, 1))
OTHER_INCOME = words("2569-2", date(2026, 12, 1), ["annual_income"])


def test_every_purpose_that_rests_on_consent_has_words_in_force_and_no_other_has_any() -> None:
    asked = {entry.purpose.id for entry in CATALOGUE.purposes.values() if entry.consent is not None}
    assert asked == load_texts().purposes
    assert all(load_texts().in_force(purpose, NOW) is not None for purpose in asked)


def test_what_a_version_asks_again_about_is_what_its_purpose_asks_for() -> None:
    for purpose in load_texts().purposes:
        for version in load_texts().until(purpose, date.max):
            assert (version.asks_again or frozenset()) <= (CATALOGUE.purposes[purpose].attributes or frozenset())


@pytest.mark.fakeredis_only
async def test_other_words_for_the_same_ask_nobody_again(exchange: Exchange) -> None:
    mother = Citizen(exchange, texts=texts(FIRST, CLEARER))
    agreed = await mother.grant()
    exchange.clock.advance(timedelta(days=15))
    assert mother.service.covered(agreed) == frozenset(ATTRIBUTES)
    assert (await mother.grant(version="2569-1.1")).id == agreed.id
    assert (await mother.grant(version="2569-1")).id == agreed.id, "who was shown the former words agreed to the same"


@pytest.mark.fakeredis_only
@pytest.mark.parametrize(
    ("later", "covered"),
    [(OTHER, set()), (OTHER_INCOME, {"birth_date", "name", "nationality"})],
)
async def test_words_of_another_meaning_ask_again_about_what_changed_from_their_first_day_on(
    exchange: Exchange, later: Words, covered: set[str]
) -> None:
    mother = Citizen(exchange, texts=texts(FIRST, later))
    mother.gate = exchange.new_gate()
    agreed = await mother.grant()
    exchange.clock.advance(timedelta(days=14))  # 30 November
    assert mother.service.covered(agreed) == frozenset(ATTRIBUTES)
    exchange.clock.advance(timedelta(days=1))
    assert mother.service.covered(agreed) == covered
    entry = CATALOGUE.purposes[SCREENING.id]
    assert mother.service.missing(entry, agreed) == frozenset(ATTRIBUTES) - covered
    async with mother.database.read() as session:
        relied_on = await mother.service.active(session, mother.person, entry)
    assert (relied_on.attributes if relied_on is not None else set()) == covered
    with pytest.raises(ConsentTextChanged):
        await mother.grant(version="2569-1")
    again = await mother.grant(["annual_income"], version="2569-2")
    assert set(again.attributes) == covered | {"annual_income"}
    assert again.text_version == "2569-2"


@pytest.mark.fakeredis_only
async def test_words_that_are_not_yet_in_force_cannot_be_agreed_to(exchange: Exchange) -> None:
    mother = Citizen(exchange, texts=texts(FIRST, CLEARER))
    with pytest.raises(ConsentTextChanged):
        await mother.grant(version="2569-1.1")


@pytest.mark.fakeredis_only
async def test_a_consent_to_words_that_nobody_knows_any_more_opens_nothing(exchange: Exchange) -> None:
    agreed = await Citizen(exchange).grant()
    stranger = Citizen(exchange, texts=texts(words("2570-1", date(2026, 1, 1))))
    assert stranger.service.covered(agreed) == frozenset()
    assert stranger.service.status(agreed) is ConsentStatus.ACTIVE
    assert (await Citizen(exchange).asked_by_agency())["annual_income"].state is FactState.FRESH


def test_former_words_stay_readable() -> None:
    known = texts(FIRST, CLEARER)
    assert known.find(SCREENING.id, "2569-1") == FIRST
    assert known.in_force(SCREENING.id, date(2025, 12, 31)) is None
    assert known.in_force(SCREENING.id, date(2026, 11, 30)) == FIRST
    assert known.in_force(SCREENING.id, date(2026, 12, 1)) == CLEARER


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_other_words_have_another_hash(th: str, en: str, other_th: str, other_en: str) -> None:
    one, other = (th.replace("\0", ""), en), (other_th.replace("\0", ""), other_en)
    same = words_hash(Text(th=one[0], en=one[1])) == words_hash(Text(th=other[0], en=other[1]))
    assert same is (one == other)


@given(st.data())
def test_what_still_means_the_same_only_ever_shrinks(data: st.DataObject) -> None:
    versions: list[Words] = []
    meaning, minor, day = 0, 0, date(2026, 1, 1)
    for _ in range(data.draw(st.integers(1, 6))):
        day += timedelta(days=data.draw(st.integers(1, 40)))
        if not versions or data.draw(st.booleans()):
            meaning, minor = meaning + 1, 0
            again = data.draw(st.none() | st.sets(st.sampled_from(ATTRIBUTES)))
            versions.append(words(f"2569-{meaning}", day, again))
        else:
            minor += 1
            versions.append(words(f"2569-{meaning}.{minor}", day))
    known = ConsentTexts({SCREENING.id: versions})
    agreed = data.draw(st.sampled_from(versions))
    before = frozenset(ATTRIBUTES)
    for later in range(0, 300, 20):
        on = agreed.since + timedelta(days=later)
        now = known.still_means(SCREENING.id, agreed.version, frozenset(ATTRIBUTES), on)
        assert now <= before
        before = now
        in_force = known.in_force(SCREENING.id, on)
        assert in_force is not None
        assert in_force.meaning != agreed.meaning or now == frozenset(ATTRIBUTES)


def file(**change: str) -> str:
    text = Text(th="ยินยอม", en="I agree")
    one = {
        "version": '"2569-1"',
        "from": "2026-01-01",
        "th": "ยินยอม",
        "en": "I agree",
        "sha256": f'"{words_hash(text)}"',
    }
    lines = [f"    {key}: {value}" for key, value in (one | change).items() if value]
    return "a-purpose:\n  - " + "\n".join(lines).strip() + "\n"


def after(version: str, day: str, **more: str) -> str:
    """A second version of the same words."""
    return file() + file(version=f'"{version}"', **({"from": day} | more)).partition("\n")[2]


def test_a_file_in_form_is_read() -> None:
    assert build_texts(file()).find("a-purpose", "2569-1") is not None
    assert build_texts(after("2569-1.1", "2026-02-01")).in_force("a-purpose", date(2026, 2, 1)) is not None
    again = build_texts(after("2569-2", "2026-02-01", asks_again="[name]")).find("a-purpose", "2569-2")
    assert again is not None
    assert again.asks_again == frozenset({"name"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (file(en="I do not"), "hash"),
        (file(th="ไม่ยินยอม"), "hash"),
        (file(sha256='"0"'), "hash"),
        (file(version='"1"'), "version"),
        (file(version='"2569-1.1"'), "another meaning"),
        (file(**{"from": "soon"}), "from"),
        (file(en=""), "en"),
        (file(more="x"), "more"),
        (after("2569-1", "2026-02-01"), "twice"),
        (after("2569-2", "2026-01-01"), "no later"),
        (after("2569-2.1", "2026-02-01"), "another meaning"),
        (after("2569-1.1", "2026-02-01", asks_again="[name]"), "asks nobody"),
        ("a-purpose: []\n", "no version"),
    ],
)
def test_a_file_that_cannot_be_so_is_refused_with_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(FileError, match=says):
        build_texts(text)


def test_a_meaning_does_not_come_back_after_another() -> None:
    third = file(version='"2569-1.2"', **{"from": "2026-03-01"}).partition("\n")[2]
    with pytest.raises(FileError, match="another meaning"):
        build_texts(after("2569-2", "2026-02-01") + third)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import strawberry

from core.clock import FixedClock
from core.errors import BadInput
from core.graph import Context, Rooms
from core.ids import GlobalId, new_id
from core.text import Language, Text
from services.know import entries
from services.know.entries import Entry, ServiceEntries, entry_of
from services.know.graph import NODES, KnowQuery, Service
from services.know.operating import CredentialTypes
from services.know.service import SEARCH_LENGTH_MAX, KnowService
from services.plugins.contract import Manifest, ServiceCategory, read_manifest
from tests.support.plugins import AGENCIES, LIBRARY

OLD_AGE = Entry(
    subject="programme:old-age-allowance",
    title=Text(th="เบี้ยยังชีพผู้สูงอายุ", en="Old-age allowance"),
    description=Text(th="เงินรายเดือนสำหรับผู้มีอายุ 60 ปีขึ้นไป", en="Monthly money from the age of 60 on"),
    category=ServiceCategory.WELFARE,
    agency="dla",
    agency_title=Text(th="กรมส่งเสริมการปกครองท้องถิ่น", en="Department of Local Administration"),
    keywords=(Text(th="คนแก่", en="pension"), "ผส"),
)

PROGRAMMES = (OLD_AGE,)


class Programmes:
    def entries(self) -> tuple[Entry, ...]:
        return PROGRAMMES


def manifests() -> list[Manifest]:
    folders = [AGENCIES / slug for slug in ("oic", "mhesi", "dopa", "rd")] + [LIBRARY]
    return [read_manifest((f / "manifest.toml").read_text(encoding="utf-8"), plugin=f.name) for f in folders]


@pytest.fixture
def know() -> KnowService:
    published = manifests()
    return KnowService([ServiceEntries(lambda: tuple(published)), Programmes()])


def found(know: KnowService, search: str | None = None, **options: Any) -> list[str]:
    return [listed.entry.slug for listed in know.search(search, limit=options.pop("limit", 100), **options)]


@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("ประกันภัยรถ", "oic"),
        ("พรบ", "oic"),
        ("พ.ร.บ.", "oic"),
        ("กรมธรรม์", "oic"),
        ("motor insurance", "oic"),
        ("OIC", "oic"),
        ("ใบแสดงผลการศึกษา", "mhesi"),
        ("ปริญญา", "mhesi"),
        ("transcript", "mhesi"),
        ("เบี้ยยังชีพ", "old-age-allowance"),
        ("เบียยังชีพ", "old-age-allowance"),
        ("๖๐", "old-age-allowance"),
        ("pension", "old-age-allowance"),
        ("คนแก่", "old-age-allowance"),
        ("ยืมหนังสือ", "library"),
    ],
)
def test_a_service_is_found_in_thai_and_in_english(know: KnowService, search: str, first: str) -> None:
    assert found(know, search)[:1] == [first]


def test_without_a_search_every_service_is_listed_by_subject(know: KnowService) -> None:
    assert found(know) == found(know, "") == ["old-age-allowance", "library", "mhesi", "oic"]


def test_what_is_only_a_source_is_no_service(know: KnowService) -> None:
    assert not {"dopa", "rd"} & set(found(know))
    assert "dopa" not in found(know, "ทะเบียนราษฎร")


def test_a_search_for_nothing_that_exists_finds_nothing(know: KnowService) -> None:
    assert found(know, "ดาวอังคาร") == []


@pytest.mark.parametrize(
    ("category", "slugs"),
    [
        (ServiceCategory.EDUCATION, ["library", "mhesi"]),
        (ServiceCategory.WELFARE, ["old-age-allowance", "oic"]),
        (ServiceCategory.TOURISM, []),
    ],
)
def test_a_category_leaves_only_its_own(know: KnowService, category: ServiceCategory, slugs: list[str]) -> None:
    assert found(know, category=category) == slugs


def test_a_category_narrows_a_search(know: KnowService) -> None:
    assert found(know, "ตรวจ", category=ServiceCategory.EDUCATION) == []


@pytest.mark.parametrize("search", [None, "e"])
def test_pages_put_together_are_the_whole_list(know: KnowService, search: str | None) -> None:
    whole = [listed.key for listed in know.search(search, limit=100)]
    paged: list[str] = []
    while page := know.search(search, limit=1, after=paged[-1] if paged else None):
        paged.extend(listed.key for listed in page)
    assert paged == whole
    assert len(whole) >= 3


@pytest.mark.parametrize("after", ["", "x", "-1|service:oic", "1|", "1|service:oic|", "1234567890|service:oic"])
def test_a_key_that_no_list_has_is_refused(know: KnowService, after: str) -> None:
    with pytest.raises(BadInput) as caught:
        know.search(after=after, limit=1)
    assert caught.value.path == ("after",)


def test_a_search_has_a_length(know: KnowService) -> None:
    assert found(know, "ก" * SEARCH_LENGTH_MAX) == []
    with pytest.raises(BadInput) as caught:
        know.search("ก" * (SEARCH_LENGTH_MAX + 1), limit=1)
    assert caught.value.path == ("search",)


def test_a_service_that_is_published_is_found_at_once_and_one_withdrawn_is_not() -> None:
    published = manifests()[:1]
    know = KnowService([ServiceEntries(lambda: tuple(published))])
    assert found(know, "transcript") == []
    published.append(manifests()[1])
    assert found(know, "transcript") == ["mhesi"]
    published.pop()
    assert found(know, "transcript") == []


def test_a_new_version_of_a_service_has_its_new_words() -> None:
    published = manifests()[:1]
    know = KnowService([ServiceEntries(lambda: tuple(published))])
    assert found(know, "zebra") == []
    published[0] = published[0].model_copy(
        update={"description": published[0].description.model_copy(update={"en": "zebra"})}
    )
    assert found(know, "zebra") == ["oic"]


def test_while_nothing_changes_no_request_looks_through_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(manifest: Manifest) -> Entry:
        made.append(manifest.slug)
        return entry_of(manifest)

    monkeypatch.setattr(entries, "entry_of", counted)
    published = tuple(manifests())
    services = ServiceEntries(lambda: published)
    know = KnowService([services])
    everything = know.search(limit=100)
    first, ready = services.entries(), know._searchable()
    for _ in range(3):
        assert know.search(limit=100)[0].entry is everything[0].entry
        assert know.find(everything[0].entry.id) is everything[0].entry
    assert services.entries() is first
    assert know._searchable() is ready
    assert len(made) == len(set(made))


def test_a_service_keeps_its_id(know: KnowService) -> None:
    (oic,) = [entry for entry in know.entries() if entry.slug == "oic"]
    assert oic.id == ServiceEntries(lambda: tuple(manifests()[:1])).entries()[0].id
    assert know.find(oic.id) == oic
    assert know.find(new_id()) is None


@strawberry.type
class Query(KnowQuery):
    pass


class Types:
    def vct(self, agency: str, service: str, name: str, version: int) -> str:
        return f"{agency}/{service}.{name}.{version}"


class Graph:
    def __init__(self, know: KnowService, clock: FixedClock) -> None:
        self._schema = strawberry.Schema(query=Query, types=[Service])
        self._clock = clock
        self.rooms = Rooms()
        self.rooms.add(KnowService, know)
        self.rooms.add(CredentialTypes, Types())  # type: ignore[type-abstract]  # known by its protocol alone

    def context(self, language: Language) -> Context:
        nothing: Any = None
        return Context(
            db=nothing, clock=self._clock, rooms=self.rooms, viewer=None, language=language, request_id=new_id()
        )

    async def ask(self, query: str, language: Language = Language.TH, **variables: Any) -> Mapping[str, Any]:
        result = await self._schema.execute(query, variable_values=variables, context_value=self.context(language))
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data


@pytest.fixture
def graph(know: KnowService, clock: FixedClock) -> Graph:
    return Graph(know, clock)


@pytest.mark.parametrize(
    ("language", "titles", "credential"),
    [
        (Language.TH, ["ใบแสดงผลการศึกษา", "หนังสือรับรองการสำเร็จการศึกษา"], "ใบแสดงผลการศึกษา"),
        (Language.EN, ["Academic transcript", "Certificate of graduation"], "Academic transcript"),
    ],
)
async def test_a_service_says_what_it_issues_by_which_name_and_what_it_costs(
    graph: Graph, language: Language, titles: list[str], credential: str
) -> None:
    gives = (
        "documents { operation title fee { satang firstFree againDays } } credentials { name title vct days keyBound }"
    )
    data = await graph.ask(f'{{ services(search: "transcript") {{ nodes {{ slug {gives} }} }} }}', language)
    [mhesi] = [one for one in data["services"]["nodes"] if one["slug"] == "mhesi"]
    assert [one["title"] for one in mhesi["documents"]] == titles
    assert [(one["operation"], one["fee"]) for one in mhesi["documents"]] == [
        ("transcript", None),
        ("certificate", {"satang": 5_000, "firstFree": 1, "againDays": 30}),
    ], "and not the operation by which its credential is made"
    assert mhesi["credentials"] == [
        {"name": "transcript", "title": credential, "vct": "mhesi/mhesi.transcript.1", "days": 1825, "keyBound": True}
    ]


async def test_a_programme_issues_nothing(graph: Graph) -> None:
    data = await graph.ask("{ services { nodes { programme documents { operation } credentials { name } } } }")
    [programme] = [one for one in data["services"]["nodes"] if one["programme"]]
    assert (programme["documents"], programme["credentials"]) == ([], [])


SERVICE = """slug title category programme agency { slug title } needs { attribute purpose byConsent }
fee hours assurance contact { phone }"""


@pytest.mark.parametrize(
    ("language", "title", "agency", "fee"),
    [
        (
            Language.TH,
            "ตรวจสอบประกันภัยรถภาคบังคับ (พ.ร.บ.)",
            "สำนักงานคณะกรรมการกำกับและส่งเสริมการประกอบธุรกิจประกันภัย",
            "ไม่มีค่าธรรมเนียม",
        ),
        (Language.EN, "Compulsory motor insurance check", "Office of Insurance Commission", "Free of charge"),
    ],
)
async def test_the_graph_shows_a_service_in_the_callers_language(
    graph: Graph, language: Language, title: str, agency: str, fee: str
) -> None:
    data = await graph.ask(f'{{ services(search: "พรบ") {{ nodes {{ {SERVICE} }} }} }}', language)
    (service,) = data["services"]["nodes"]
    assert service["title"] == title
    assert service["agency"] == {"slug": "oic", "title": agency}
    assert service["fee"] == fee
    assert (service["category"], service["programme"], service["assurance"]) == ("WELFARE", None, "2.3")
    assert service["contact"] == {"phone": "1186"}
    assert service["needs"] == []


async def test_the_graph_pages_through_services(graph: Graph) -> None:
    fields = "nodes { slug } pageInfo { hasNextPage endCursor }"
    query = f"query($after: String) {{ services(first: 3, after: $after) {{ {fields} }} }}"
    first = (await graph.ask(query))["services"]
    rest = (await graph.ask(query, after=first["pageInfo"]["endCursor"]))["services"]
    assert [node["slug"] for node in first["nodes"]] == ["old-age-allowance", "library", "mhesi"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert [node["slug"] for node in rest["nodes"]] == ["oic"]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_a_programme_among_the_services_names_itself_for_applying(graph: Graph) -> None:
    data = await graph.ask('{ services(search: "เบี้ยยังชีพ", category: WELFARE) { nodes { programme } } }')
    assert data == {"services": {"nodes": [{"programme": "old-age-allowance"}]}}


async def test_what_a_service_reads_of_the_citizen_is_shown(graph: Graph) -> None:
    data = await graph.ask('{ services(search: "ยืมหนังสือ") { nodes { needs { attribute purpose byConsent } } } }')
    assert data["services"]["nodes"] == [
        {"needs": [{"attribute": "birth_date", "purpose": "สมาชิกเด็กไม่เสียค่าปรับ", "byConsent": False}]}
    ]


async def test_a_service_is_a_node(graph: Graph, know: KnowService) -> None:
    data = await graph.ask('{ services(search: "พรบ") { nodes { id } } }')
    given = GlobalId.parse(data["services"]["nodes"][0]["id"], "Service")
    info: Any = type("Info", (), {"context": graph.context(Language.TH)})()
    service = await NODES["Service"](info, given.id)
    assert isinstance(service, Service)
    assert service.slug == "oic"
    assert await NODES["Service"](info, new_id()) is None

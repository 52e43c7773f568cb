"""What came of the conformance suite is public, and signed."""

from __future__ import annotations

from api.composer import host_names
from api.desk import AGENCIES, host_names_on_file
from api.schema import base_schema
from services.plugins.conformance import REPORT_TYPE
from services.plugins.contract import read_manifest
from services.plugins.plugin import SHARED_TYPES
from tests.support.app import Served


async def test_anybody_reads_the_report_on_an_agency_of_ours_and_verifies_it_and_none_on_what_there_is_not(
    sitthi: Served,
) -> None:
    told = await sitthi.http.get("/services/oic/conformance")
    assert told.status_code == 200
    assert told.json()["report"]["passed"] is True
    claims = await sitthi.house.attestor.verify(told.json()["attestation"], typ=REPORT_TYPE)
    assert claims | told.json()["report"] == claims
    version = told.json()["report"]["version"]
    assert (await sitthi.http.get(f"/services/oic/{version}/conformance")).json() == told.json()
    for path in ("/services/nobody/conformance", "/services/oic/9.9.9/conformance"):
        told = await sitthi.http.get(path)
        assert (told.status_code, told.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


def test_the_desk_knows_the_names_of_the_graph_without_making_it() -> None:
    """Those of the schema's file, which has our own agencies' too, are the graph's own and theirs."""
    graph, on_file = host_names(base_schema()), host_names_on_file()
    manifests = [read_manifest(p.read_text(encoding="utf-8"), plugin=p.parent.name) for p in AGENCIES.glob("*/*.toml")]
    prefixes = tuple(m.prefix for m in manifests if m.prefix)
    own = {name for name in on_file.types if name.startswith(prefixes)}
    builtin = {name for name in graph.types if name.startswith("__")} | {"Boolean", "Float", "ID", "Int", "String"}
    assert on_file.types - own == graph.types - builtin - SHARED_TYPES
    assert on_file.citizen - graph.citizen <= {m.namespace for m in manifests}
    assert on_file.citizen >= graph.citizen
    assert on_file.query >= graph.query


def test_an_agency_of_ours_may_have_the_names_that_it_has() -> None:
    assert "insurance" not in host_names_on_file(but="oic").citizen
    assert "insurance" in host_names_on_file().citizen
    assert not [name for name in host_names_on_file(but="oic").types if name.startswith("Insurance")]

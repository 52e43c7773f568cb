from __future__ import annotations

from api.agency_names import AgencyNames
from api.schema import base_schema, registry_of
from core.text import Text
from services.exchange.catalogue import load_catalogue


def test_an_agency_that_the_catalogue_does_not_know_is_named_by_its_manifest() -> None:
    catalogue = load_catalogue()
    names = AgencyNames(lambda: registry_of(base_schema(), catalogue).plugins)
    assert "thepnimit" not in catalogue.agencies
    assert names("thepnimit") == Text(th="เทศบาลเมืองเทพนิมิต (สมมติ)", en="Thep Nimit Municipality (made up)")
    assert names("nobody") is None
    assert catalogue.agency_title("nobody") == Text(th="nobody", en="nobody")


def test_the_names_follow_the_plugins() -> None:
    every = registry_of(base_schema(), load_catalogue()).plugins
    there = [every[:1], every[1:2]]
    names = AgencyNames(lambda: there[0])
    first, second = (plugins[0].manifest.agency.slug for plugins in there)
    assert (names(first) is None, names(second) is None) == (False, True)
    del there[0]
    assert (names(first) is None, names(second) is None) == (True, False)

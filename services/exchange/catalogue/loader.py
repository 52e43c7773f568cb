"""Reads the catalogue's files, and refuses whatever it does not understand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from services.exchange.catalogue.attributes import ATTRIBUTE_FILES, WORDS, Slug, Titles, read_attributes
from services.exchange.catalogue.files import CatalogueFile
from services.exchange.catalogue.model import Catalogue
from services.exchange.catalogue.purposes import PURPOSES, read_purposes
from services.exchange.catalogue.standing import AGREEMENTS, standing_agreements

AGENCIES: Final = "agencies.yaml"
FILES: Final = (*ATTRIBUTE_FILES, WORDS, AGENCIES, PURPOSES, AGREEMENTS)


@cache
def load_catalogue() -> Catalogue:
    """The catalogue that comes with the program, read once. Raises :class:`core.strict_yaml.FileError`."""
    folder = files(__package__).joinpath("data")
    return build_catalogue({name: folder.joinpath(name).read_text("utf-8") for name in FILES})


def build_catalogue(texts: Mapping[str, str]) -> Catalogue:
    """A catalogue out of the texts of its files by name. Raises :class:`core.strict_yaml.FileError`."""
    opened = {name: CatalogueFile(name, text) for name, text in texts.items()}
    named = opened[AGENCIES].of(dict[Slug, Titles])
    agencies = {slug: titles.text for slug, titles in named.items()}
    attributes = read_attributes(opened, agencies)
    purposes = read_purposes(opened[PURPOSES], attributes, agencies)
    standing = standing_agreements(opened[AGREEMENTS], attributes, agencies, purposes)
    return Catalogue(attributes, agencies, purposes, standing)

"""The catalogue of attributes: what each fact means, whose word it is, and what it may be asked for."""

from services.exchange.catalogue.files import CatalogueFileError
from services.exchange.catalogue.loader import build_catalogue, load_catalogue
from services.exchange.catalogue.model import (
    AskerRole,
    Attribute,
    Catalogue,
    ConsentTerms,
    Derivation,
    How,
    Least,
    RegisteredPurpose,
    Subject,
)
from services.exchange.catalogue.values import InvalidAnswer, Kind, ValueType

__all__ = [
    "AskerRole",
    "Attribute",
    "Catalogue",
    "CatalogueFileError",
    "ConsentTerms",
    "Derivation",
    "How",
    "InvalidAnswer",
    "Kind",
    "Least",
    "RegisteredPurpose",
    "Subject",
    "ValueType",
    "build_catalogue",
    "load_catalogue",
]

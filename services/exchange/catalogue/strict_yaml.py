"""The former name of :mod:`services.exchange.catalogue.files`."""

from core.strict_yaml import read_any as read_yaml
from services.exchange.catalogue.files import CatalogueFileError

__all__ = ["CatalogueFileError", "read_yaml"]

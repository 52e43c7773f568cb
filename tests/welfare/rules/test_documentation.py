from __future__ import annotations

from pathlib import Path

import pytest

from core import strict_yaml
from core.errors import SitthiError
from welfare.programmes import errors as programme_errors
from welfare.programmes import model
from welfare.rules import errors as rule_errors

PAGE = (Path(__file__).parents[3] / "docs/rules.md").read_text("utf-8")
BASES = {rule_errors.RuleError, rule_errors.FactError, programme_errors.ProgrammeError, strict_yaml.FileError}
ERRORS = [
    found
    for module in (rule_errors, strict_yaml, programme_errors, model)
    for found in vars(module).values()
    if isinstance(found, type)
    and issubclass(found, SitthiError)
    and found.__module__ == module.__name__
    and found not in BASES
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_is_in_the_documented_list(error: type[SitthiError]) -> None:
    assert f"`{error.code}`" in PAGE

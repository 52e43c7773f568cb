"""What the code promises is written down, and the pages made from the code are up to date."""

from pathlib import Path

import pytest

from api import reference
from api.errors import HTTP_STATUS

PAGES = reference.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_made_from_the_code_is_up_to_date(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run `.venv/bin/sitthi reference` and commit the result"


def test_every_setting_says_what_it_does() -> None:
    assert reference.undocumented_settings() == []


def test_every_error_speaks_both_languages() -> None:
    mute = [
        code for code, kind in reference.all_errors().items() if not kind.text.th.strip() or not kind.text.en.strip()
    ]
    assert mute == []


def test_the_table_of_statuses_names_only_codes_that_exist() -> None:
    assert set(HTTP_STATUS) - set(reference.all_errors()) - set(reference.LIBRARY_CODES) == set()

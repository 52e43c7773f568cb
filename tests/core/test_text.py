import pytest

from core.text import Language, Text, preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, Language.TH),
        ("", Language.TH),
        ("en", Language.EN),
        ("en-GB,en;q=0.9", Language.EN),
        ("th-TH,en;q=0.8", Language.TH),
        ("fr, en;q=0.2", Language.EN),
        ("fr", Language.TH),
        ("en;q=0.3, th;q=0.9", Language.TH),
        ("en;q=zero", Language.TH),
        ("en;q=0", Language.TH),
        (";;;,,,", Language.TH),
    ],
)
def test_the_language_is_the_best_that_both_sides_speak(header: str | None, language: Language) -> None:
    assert preferred_language(header) is language


def test_a_text_within_a_text_is_filled_in_its_own_language() -> None:
    outer = Text(th="ติดต่อ {who} ไม่ได้", en="{who} cannot be reached")
    filled = outer.filled(who=Text(th="กรมการปกครอง", en="the Department of Provincial Administration"))
    assert filled.th == "ติดต่อ กรมการปกครอง ไม่ได้"
    assert filled.en == "the Department of Provincial Administration cannot be reached"

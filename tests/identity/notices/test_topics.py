"""What a notice says of its topic."""

from __future__ import annotations

from identity.notices.topics import TITLES, NoticeTopic


def test_the_titles_of_all_but_security_are_alike() -> None:
    assert len({text for topic, text in TITLES.items() if topic is not NoticeTopic.SECURITY}) == 1
    assert set(TITLES) == set(NoticeTopic)

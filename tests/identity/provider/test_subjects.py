"""Pairwise subjects."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.crypto import KeyRing
from identity.provider.errors import TokenInvalid
from identity.provider.subjects import Subjects

RING = KeyRing("k1", {"k1": bytes(32)}, b"i" * 32)
SUBJECTS = Subjects(RING)


@given(person=st.uuids(), client=st.text(min_size=1, max_size=20))
def test_a_subject_leads_back_to_its_person_for_its_client_alone(person: UUID, client: str) -> None:
    subject = SUBJECTS.of(person, client)
    assert SUBJECTS.person(subject, client) == person
    assert SUBJECTS.of(person, client + "x") != subject
    assert person.hex not in subject
    with pytest.raises(TokenInvalid):
        SUBJECTS.person(subject, client + "x")


@given(person=st.uuids())
def test_another_installation_knows_a_person_by_another_subject(person: UUID) -> None:
    other = Subjects(KeyRing("k1", {"k1": bytes(32)}, b"j" * 32))
    assert other.of(person, "demo-app") != SUBJECTS.of(person, "demo-app")


def test_rotating_the_sealing_keys_leaves_subjects_as_they_are() -> None:
    rotated = Subjects(KeyRing("k2", {"k1": bytes(32), "k2": b"2" * 32}, b"i" * 32))
    assert rotated.of(UUID(int=7), "demo-app") == SUBJECTS.of(UUID(int=7), "demo-app")


@pytest.mark.parametrize("subject", ["", "A" * 42, "A" * 43, "A" * 44, "é" * 43, "=" * 43, "\x00" * 43])
def test_a_made_up_subject_is_nobodys(subject: str) -> None:
    with pytest.raises(TokenInvalid):
        SUBJECTS.person(subject, "demo-app")

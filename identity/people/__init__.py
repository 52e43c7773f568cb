"""Who is who: person ids for national IDs, and back."""

from identity.people.register import PeopleRegister

__all__ = ["PeopleRegister"]

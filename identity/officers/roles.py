"""What officers may be allowed to do, and at which agencies.

A role is `<room>.<act>`. The rooms of identity are listed here, and reviewing services, each role with its agencies;
nothing else may be given in these rooms. Roles of other rooms (`pay.plan`) are those rooms' business: any agency may
give them to its officers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from core.errors import BadInput
from core.text import Text
from identity.officers.errors import RoleNotForAgency

OFFICERS_PROPOSE: Final = "officers.propose"
OFFICERS_APPROVE: Final = "officers.approve"
CLIENTS_PROPOSE: Final = "clients.propose"
CLIENTS_APPROVE: Final = "clients.approve"
IDENTITY_PROPOSE: Final = "identity.propose"
IDENTITY_APPROVE: Final = "identity.approve"
COUNTER: Final = "identity.counter"
SERVICES_REVIEW: Final = "services.review"
JURISTIC_PROPOSE: Final = "juristic.propose"
JURISTIC_APPROVE: Final = "juristic.approve"

DGA: Final = "dga"
"""The digital government agency: its officers look at what agencies publish to all citizens."""
DOPA: Final = "dopa"
"""The civil registry: whose number is whose, and who is whose guardian, is for its officers alone."""
COUNTER_AGENCIES: Final = frozenset({DOPA, "dla"})
"""District offices and local authorities: whose officers look at identity papers by law. A counter of theirs vouches
for anybody in the country, so it is not every agency's."""


@dataclass(frozen=True, slots=True)
class RoleRule:
    title: Text
    agencies: frozenset[str] | None = None
    """Who may give it; None for every agency."""


ROLES: Final[Mapping[str, RoleRule]] = {
    OFFICERS_PROPOSE: RoleRule(Text(th="เสนอเจ้าหน้าที่", en="propose officers")),
    OFFICERS_APPROVE: RoleRule(Text(th="อนุมัติเจ้าหน้าที่", en="approve officers")),
    CLIENTS_PROPOSE: RoleRule(Text(th="เสนอระบบของหน่วยงาน", en="propose the agency's systems")),
    CLIENTS_APPROVE: RoleRule(Text(th="อนุมัติระบบของหน่วยงาน", en="approve the agency's systems")),
    IDENTITY_PROPOSE: RoleRule(
        Text(th="เสนอแก้ไขเลขประจำตัวและผู้ปกครอง", en="propose corrections of IDs, and guardianships"), frozenset({DOPA})
    ),
    IDENTITY_APPROVE: RoleRule(
        Text(th="อนุมัติแก้ไขเลขประจำตัวและผู้ปกครอง", en="approve corrections of IDs, and guardianships"), frozenset({DOPA})
    ),
    SERVICES_REVIEW: RoleRule(Text(th="ตรวจบริการที่หน่วยงานลงทะเบียน", en="review agencies' services"), frozenset({DGA})),
    JURISTIC_PROPOSE: RoleRule(
        Text(th="เสนอนิติบุคคลและผู้ดำเนินการแทน", en="propose juristic persons and who acts for them")
    ),
    JURISTIC_APPROVE: RoleRule(
        Text(th="อนุมัตินิติบุคคลและผู้ดำเนินการแทน", en="approve juristic persons and who acts for them")
    ),
    COUNTER: RoleRule(Text(th="เคาน์เตอร์ยืนยันตัวตน", en="let people in at the counter"), COUNTER_AGENCIES),
}
_NO_SUCH_ROLE: Final = Text(th="ไม่มีบทบาท {role}", en="there is no role {role}")
_OURS: Final = frozenset(role.partition(".")[0] for role in ROLES)
_FORM: Final = re.compile(r"[a-z]+(\.[a-z_]+)+", re.ASCII)


def check_roles(agency: str, roles: Collection[str]) -> None:
    """Raises :class:`BadInput` for none and for what is no role, :class:`RoleNotForAgency`."""
    if not roles or not all(_FORM.fullmatch(role) and len(role) <= 64 for role in roles):
        raise BadInput(
            Text(th="ต้องระบุบทบาท เช่น pay.plan", en="name at least one role, pay.plan for instance"), path=("roles",)
        )
    for role in sorted(roles):
        rule = ROLES.get(role)
        if rule is None and role.partition(".")[0] in _OURS:
            raise BadInput(_NO_SUCH_ROLE.filled(role=role), path=("roles",))
        if rule is not None and rule.agencies is not None and agency not in rule.agencies:
            raise RoleNotForAgency(role=role, agency=agency)

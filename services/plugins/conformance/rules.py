"""The rules of the conformance suite, as data: what a plugin must keep, why, and what to do where it does not.

Each has a stable id, under which every report shows it. A rule belongs to origins (where the plugin's code runs) and to
kinds of operation; of a plugin that has none of those the report says so. What a developer reads of a failure is in
English, as in :mod:`services.plugins.contract.faults`; titles are for whoever reads a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.text import Text
from services.plugins.contract import OperationKind
from services.plugins.contract.kinds import EFFECTS
from services.plugins.plugin import Origin

SUITE_VERSION: Final = "1.0"
"""Of the rules and of how they are looked at; every report names it."""

ALL: Final = frozenset(Origin)
INSIDE: Final = frozenset({Origin.TREE})
WIRE: Final = frozenset({Origin.PACKAGE, Origin.REMOTE})
EVERY_KIND: Final = frozenset(OperationKind)
ABOUT_SOMEBODY: Final = frozenset({OperationKind.QUERY, OperationKind.SOURCE, OperationKind.STATUS})
"""Kinds that tell of a person what is so, and change nothing."""


@dataclass(frozen=True, slots=True)
class ConformanceRule:
    id: str
    title: Text
    why: str
    """What goes wrong for citizens, or for the agency, where it is not kept."""
    remedy: str
    origins: frozenset[Origin] = ALL
    kinds: frozenset[OperationKind] = EVERY_KIND
    may_be_exempt: bool = False
    """Whether a manifest may declare, with a reason that is published, that the plugin does not keep it."""


RULES: Final[tuple[ConformanceRule, ...]] = (
    ConformanceRule(
        "endpoint.reachable",
        Text(th="ปลายทางของหน่วยงานตอบรับการเชื่อมต่อ", en="The agency's endpoint can be reached"),
        "what cannot be reached cannot be shown to anybody",
        "Start the server, and see that its address is the one of `endpoint.url`",
        WIRE,
    ),
    ConformanceRule(
        "examples.personas",
        Text(th="ตัวอย่างใช้บุคคลสมมุติเท่านั้น", en="The examples are about made-up people alone"),
        "examples are published, and the suite asks about whoever is in them; no real person's number begins with 0",
        "Give `person` a number that begins with 0, such as 0000000000001",
    ),
    ConformanceRule(
        "examples.operations",
        Text(th="ทุกบริการตอบตรงตามตัวอย่าง", en="Every operation answers what its examples say"),
        "the examples are what the plugin promises",
        "Correct the operation or the example; asked in mode `test`, the agency answers as its examples say",
    ),
    ConformanceRule(
        "examples.errors",
        Text(th="ข้อผิดพลาดที่ประกาศไว้เกิดขึ้นตรงตามตัวอย่าง", en="Every declared error comes as its example says"),
        "a citizen reads the words of the manifest only if its error is told as declared",
        'Answer the example with 422 and `{"error": {"code": …}}`; in Python, raise `AgencyError`',
    ),
    ConformanceRule(
        "examples.sandbox",
        Text(th="ตอบได้ถูกต้องสำหรับบุคคลตัวอย่างทุกคนในระบบทดสอบ", en="It answers of everybody whom its sandbox knows"),
        "examples are of a few cases; the people of the sandbox are of many",
        "See what the sandbox says of that person, and read it, or say that it is not known",
        INSIDE,
        ABOUT_SOMEBODY - {OperationKind.STATUS},
    ),
    ConformanceRule(
        "answer.signed",
        Text(th="คำตอบลงลายมือชื่อถูกต้อง", en="Every answer is signed, and to its own call"),
        "a decision may rest on the answer for years, and it must be the agency's word",
        "Sign by a key of the manifest as docs/plugin-protocol.md says (RFC 9421 §2.4)",
        WIRE,
    ),
    ConformanceRule(
        "answer.subject",
        Text(th="คำตอบระบุบุคคลที่ถูกถามถึง", en="Every answer says whom it is about, as it was asked"),
        "of two requests that are mixed up, nothing else in an answer tells",
        "Repeat the call's `about` in the answer, and tell of nobody else",
        WIRE,
    ),
    ConformanceRule(
        "answer.typed",
        Text(th="คำตอบเป็นไปตามชนิดข้อมูลที่กำหนด", en="Every answer is of the type that the contract promises"),
        "an answer of another type is shown to nobody",
        "Answer what graph.graphql, the catalogue's attribute, or the kind of the operation says",
    ),
    ConformanceRule(
        "answer.bounded",
        Text(th="คำตอบมีขนาดไม่เกินที่กำหนด", en="No answer is larger than the manifest allows"),
        "what is larger is not read to its end",
        "Answer less at once; an `issue` may raise `answer_bytes_max`",
        WIRE,
    ),
    ConformanceRule(
        "time.limit",
        Text(th="ตอบหรือหยุดภายในเวลาที่กำหนด", en="Every operation ends within its time limit"),
        "a citizen waits no longer, whatever the agency does",
        "Answer faster or raise `time_limit_seconds`; in Python, let the cancellation pass",
    ),
    ConformanceRule(
        "time.parallel",
        Text(th="รองรับการเรียกพร้อมกันตามที่ประกาศ", en="As many calls at once as it declares places end well"),
        "that many citizens ask at once",
        "Serve them side by side, or declare fewer `places`",
        may_be_exempt=True,
    ),
    ConformanceRule(
        "time.total",
        Text(th="การตรวจทั้งหมดเสร็จในเวลาที่กำหนด", en="The whole check ends in its time"),
        "a check that never ends tells nobody anything",
        "See which operations answer slowly, and make them faster",
    ),
    ConformanceRule(
        "garbage.unreadable",
        Text(th="ไม่แต่งคำตอบเมื่ออ่านคำตอบของหน่วยงานไม่ได้", en="A reply that cannot be read becomes no answer"),
        "a citizen would take what the plugin made up for the agency's word",
        "Let the error of `host.agency` pass",
        INSIDE,
    ),
    ConformanceRule(
        "garbage.shape",
        Text(th="ไม่แต่งคำตอบเมื่อคำตอบของหน่วยงานผิดรูปแบบ", en="A reply of another shape becomes no answer"),
        '`told.get("loans", [])` tells a citizen that there are none, when nobody knows',
        "Read what must be there by `told[…]`, and let the error pass",
        INSIDE,
        EVERY_KIND - {OperationKind.NOTIFY, OperationKind.INGEST},
    ),
    ConformanceRule(
        "garbage.truncated",
        Text(th="ปฏิเสธคำขอที่ขาดตอน", en="A call that ends in the middle is refused, and does no harm"),
        "bodies are cut on the way, and a server that breaks on one is down for all",
        "Answer 400 to a body that is no JSON",
        WIRE,
    ),
    ConformanceRule(
        "garbage.type",
        Text(th="ปฏิเสธคำขอที่ผิดรูปแบบ", en="A call of the wrong form is refused, and does no harm"),
        "what is guessed from a malformed call is done about the wrong thing",
        "Answer 400 to a body that is not a call as docs/plugin-protocol.md describes it",
        WIRE,
    ),
    ConformanceRule(
        "garbage.unknown-operation",
        Text(th="ปฏิเสธบริการที่ไม่รู้จัก", en="An operation that it does not have is refused"),
        "a host that knows a newer version must be able to tell that this one is not there",
        "Answer 404",
        WIRE,
    ),
    ConformanceRule(
        "garbage.oversized",
        Text(th="ปฏิเสธคำขอที่ใหญ่เกินไป", en="A call that is far too large is refused, and does no harm"),
        "whoever reads everything to its end is brought down by anybody",
        "Count while reading, and answer 413 or 400",
        WIRE,
        may_be_exempt=True,
    ),
    ConformanceRule(
        "duplicates.same-key",
        Text(th="คำขอซ้ำมีผลครั้งเดียว", en="The same call again has its effect once"),
        "the host makes a call again when it cannot know whether it arrived",
        "Keep the answer under the idempotency key, and give it again; in Python, send to the agency under `call.key`",
        ALL,
        EFFECTS,
    ),
    ConformanceRule(
        "duplicates.parallel",
        Text(th="คำขอซ้ำพร้อมกันมีผลครั้งเดียว", en="The same call several times at once has its effect once"),
        "what was made again may meet the first while it is under way",
        "Take the idempotency key before the effect, and let the others wait for the first",
        WIRE,
        EFFECTS,
    ),
    ConformanceRule(
        "duplicates.other-call",
        Text(th="ไม่นำกุญแจเดิมไปใช้กับคำขออื่น", en="Another call is not taken for one that was made"),
        "else a citizen is told that what they asked for is done, and it is another thing that was",
        "Answer 409 to a known key with another call in it; in Python, send to the agency under `call.key`",
        ALL,
        EFFECTS,
    ),
    ConformanceRule(
        "person.wrong",
        Text(th="ไม่ปะปนข้อมูลของบุคคล", en="Nobody is told another's data, however many ask at once"),
        "nothing that a platform can do is worse",
        "Keep nothing of a call in what calls share; let the host's error about a wrong subject pass",
        ALL,
        ABOUT_SOMEBODY,
    ),
    ConformanceRule(
        "person.unknown",
        Text(th="บุคคลที่ไม่มีในทะเบียนได้รับคำตอบที่ถูกต้อง", en="Of a person it has no record of it says so"),
        "most citizens are unknown to most agencies, and to them it must not look broken, nor like somebody's record",
        "Answer null, nothing, or a declared error, within the time limit",
        ALL,
        ABOUT_SOMEBODY,
        may_be_exempt=True,
    ),
    ConformanceRule(
        "outage.passed-on",
        Text(th="ไม่แต่งคำตอบเมื่อระบบของหน่วยงานล่ม", en="That the agency is down is passed on"),
        "a citizen would take what the plugin made up for the agency's word",
        "Let the error of `host.agency` pass",
        INSIDE,
    ),
    ConformanceRule(
        "outage.broken-off",
        Text(th="ยังทำงานได้เมื่อผู้เรียกขาดการเชื่อมต่อ", en="Callers that break off in the middle leave it well"),
        "networks break, and one caller's broken call must not be the next one's",
        "Give up a request whose body does not come, and let go of all that it held",
        WIRE,
        may_be_exempt=True,
    ),
    ConformanceRule(
        "outage.slow-caller",
        Text(th="ยังตอบผู้อื่นเมื่อมีผู้เรียกที่ช้า", en="A caller that sends a byte at a time keeps nobody waiting"),
        "a few slow callers would else shut all others out",
        "Read bodies side by side and hold nothing while reading",
        WIRE,
        may_be_exempt=True,
    ),
    ConformanceRule(
        "outage.hung-up",
        Text(th="ยังทำงานได้เมื่อผู้เรียกไม่รอคำตอบ", en="Callers that do not wait for the answer leave it well"),
        "the host hangs up when its time limit is over",
        "Let go of what a call held however it ends",
        WIRE,
    ),
    ConformanceRule(
        "signature.missing",
        Text(th="ปฏิเสธคำขอที่ไม่มีลายมือชื่อ", en="A call without a signature is refused"),
        "anybody could ask about anybody",
        "Answer 401 to what is not signed; verify before anything is read",
        WIRE,
    ),
    ConformanceRule(
        "signature.wrong-key",
        Text(th="ปฏิเสธลายมือชื่อจากกุญแจอื่น", en="A call signed by another key is refused"),
        "anybody has a key",
        "Take keys from /.well-known/service-keys.json alone, by `keyid`; answer 401",
        WIRE,
    ),
    ConformanceRule(
        "signature.altered-body",
        Text(th="ปฏิเสธคำขอที่เนื้อหาถูกแก้ไข", en="A call whose body was altered is refused"),
        "the signature covers the digest alone, and the digest must be that of the body that came",
        "Compute Content-Digest yourself and compare; answer 401",
        WIRE,
    ),
    ConformanceRule(
        "signature.altered-header",
        Text(th="ปฏิเสธคำขอที่ส่วนหัวถูกแก้ไข", en="A call with a header that was altered or added is refused"),
        "who changes the idempotency key has an effect happen twice",
        "Require all of the profile's headers that are there to be covered; answer 401",
        WIRE,
    ),
    ConformanceRule(
        "signature.other-target",
        Text(th="ปฏิเสธลายมือชื่อที่ทำสำหรับบริการอื่น", en="A signature for another operation is refused"),
        "a look would become an effect",
        "Verify over the target URI as it stands in your manifest, and the path that was asked; answer 401",
        WIRE,
    ),
    ConformanceRule(
        "signature.stale",
        Text(th="ปฏิเสธลายมือชื่อที่เก่าหรือลงเวลาล่วงหน้า", en="A signature of long ago, or of the future, is refused"),
        "what was recorded once could be sent for ever",
        "Refuse `created` further than 60 seconds from your clock, either way, with 401",
        WIRE,
    ),
    ConformanceRule(
        "signature.replayed",
        Text(th="ปฏิเสธคำขอที่ถูกส่งซ้ำ", en="A call that was recorded and sent again is refused"),
        "whoever sees one call could make it for ever",
        "Remember nonces for 120 seconds, in all your processes together; answer 401",
        WIRE,
    ),
    ConformanceRule(
        "exemptions.known",
        Text(th="ข้อยกเว้นที่ประกาศเป็นข้อที่ยกเว้นได้", en="What the manifest exempts itself from may be exempted from"),
        "most rules protect citizens, and no reason is good enough",
        "Remove the entry of `exempt`, and keep the rule",
    ),
)

BY_ID: Final = {rule.id: rule for rule in RULES}

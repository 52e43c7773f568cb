"""Checks what a plugin says of names that go: a reason that helps, a day that is one, and not everything at once."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import DocumentNode

from services.plugins.contract import Fault, Rule
from services.plugins.notices.coordinates import deprecation_of, members, reason_of
from services.plugins.notices.terms import REASON_LENGTH_MAX, TOLD_MAX, UntilUnreadable, read_reason
from services.plugins.registry.graph_words import FILE, fault_at

_REMEDY = 'Write @deprecated(reason: "…"): what to ask for instead, in Thai | in English'


def deprecation_faults(document: DocumentNode) -> Iterator[Fault]:
    count = 0
    for coordinate, node in members(document.definitions):
        directive = deprecation_of(node)
        if directive is None:
            continue
        count += 1
        words = reason_of(directive)
        if words is None or not words.strip():
            yield fault_at(Rule.DIRECTIVE, directive, "clients are not told what to do instead", _REMEDY, coordinate)
        elif len(words) > REASON_LENGTH_MAX:
            why = f"a reason of {len(words)} letters, more than {REASON_LENGTH_MAX}"
            yield fault_at(Rule.DIRECTIVE, directive, why, "Shorten it", coordinate)
        else:
            try:
                reason, _ = read_reason(words)
            except UntilUnreadable as unreadable:
                why, remedy = f"`until {unreadable}` is no day", "Write a day as in `until 2028-01-31`, or none"
                yield fault_at(Rule.DIRECTIVE, directive, why, remedy, coordinate)
            else:
                if not reason.en:
                    yield fault_at(Rule.DIRECTIVE, directive, "a day alone is no reason", _REMEDY, coordinate)
    if count > TOLD_MAX:
        why = f"it deprecates {count} names, more than {TOLD_MAX}"
        yield Fault(Rule.GRAPH_TOO_LARGE, why, "Deprecate the fields that lead to them, or by and by", FILE)

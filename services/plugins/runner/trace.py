"""W3C Trace Context (Level 1): by which an agency's log entry of a call is found from ours."""

from __future__ import annotations

import secrets

from opentelemetry import trace


def traceparent() -> str:
    """Of the span that is under way, as OpenTelemetry has it; where none is, of a trace that begins here."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & 0xFF:02x}"
    return f"00-{_not_zero(16)}-{_not_zero(8)}-00"


def _not_zero(size: int) -> str:
    """Random bytes in hex; all zeros mean "none" there."""
    while not any(made := secrets.token_bytes(size)):
        continue
    return made.hex()

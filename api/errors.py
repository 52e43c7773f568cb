"""The one table from error codes to what a client sees, in GraphQL and in HTTP. `docs/errors.md` lists them for people.

What is not in the table is our own fault: it is logged with its trace, and the client gets `INTERNAL` and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, Final

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from core.assurance import StepUpRequired
from core.errors import SitthiError
from core.text import Language, Text
from services.exchange.errors import SourceSilent
from services.plugins.contract import PluginRefused
from services.receive.credentials.errors import CredentialRefused

log = structlog.get_logger("api.errors")

HTTP_STATUS: Final[dict[str, int]] = {
    "BAD_INPUT": 400,
    "BAD_REQUEST": 400,
    "MALFORMED_ID": 400,
    "MALFORMED_NATIONAL_ID": 400,
    "PASSKEY_CHALLENGE_SPENT": 400,
    "PASSKEY_CLONED": 400,
    "PASSKEY_ENROLLED_ALREADY": 400,
    "PASSKEY_NOT_KNOWN": 400,
    "PASSKEY_NOT_VERIFIED": 400,
    "TOO_MANY_PASSKEYS": 400,
    "NOT_SIGNED_IN": 401,
    "NOTICE_NOT_SIGNED": 401,
    "STEP_UP_REQUIRED": 401,
    "OFFICER_NOT_SIGNED_IN": 401,
    "DPOP_NONCE_NEEDED": 401,
    "DPOP_PROOF_INVALID": 401,
    "TOKEN_EXPIRED": 401,
    "TOKEN_INVALID": 401,
    "FRESH_SIGN_IN_NEEDED": 403,
    "NOT_ALLOWED": 403,
    "CASH_NOT_THIS_OFFICER": 403,
    "NOT_A_PAY_COUNTER": 403,
    "AGENT_UNKNOWN": 403,
    "CONCERNS_YOURSELF": 403,
    "CONFLICT_OF_INTEREST": 403,
    "DECIDED_IT_BEFORE": 403,
    "COUNTER_CODE_WRONG": 403,
    "COUNTER_NOT_FOR_OFFICERS": 403,
    "COUNTER_NOT_FOR_YOURSELF": 403,
    "IAL_TOO_LOW": 403,
    "MAKER_IS_CHECKER": 403,
    "NOT_AN_OFFICER": 403,
    "NOT_THE_MAKER": 403,
    "NOT_A_PARTY": 403,
    "BULK_REFUSED": 403,
    "ROLE_MISSING": 403,
    "ROLE_NOT_FOR_AGENCY": 403,
    "PASSKEY_OF_ANOTHER": 403,
    "NOT_DELEGATED": 403,
    "NOT_ITS_OFFICER": 403,
    "NOT_ITS_SIGNATORY": 403,
    "NOT_ITS_DIRECTOR": 403,
    "POWER_MISSING": 403,
    "SECOND_DIRECTOR_NEEDED": 403,
    "PROPOSER_GONE": 409,
    "APPOINTMENT_DECIDED": 409,
    "TOO_MANY_APPOINTMENTS": 409,
    "TOO_MANY_SYSTEMS": 409,
    "TOO_MANY_PROPOSED_TODAY": 429,
    "MORE_SIGNATURES_NEEDED": 409,
    "SCOPE_MISSING": 403,
    "SERVICE_HELD": 403,
    "ACT_NOT_FOUND": 404,
    "ENTRY_NOT_FOUND": 404,
    "RECOVERY_NOT_FOUND": 404,
    "NOT_FOUND": 404,
    "PAYMENT_NOT_FOUND": 404,
    "INCOMING_NOT_FOUND": 404,
    "STATEMENT_LINK_OVER": 404,
    "SHARE_NOT_THERE": 404,
    "SHARE_NOT_FOUND": 404,
    "CHECK_NOT_FOUND": 404,
    "CHECK_DECIDED": 409,
    "CHECK_SAYS_OTHERWISE": 409,
    "CHECK_REFERENCE_USED": 409,
    "TOO_MANY_CHECKS": 429,
    "SHARE_CHOSEN": 409,
    "SHARE_TAKEN_BACK": 409,
    "BREAK_NOT_FOUND": 404,
    "CASH_SLIP_NOT_FOUND": 404,
    "AGENCY_NOT_CONNECTED": 404,
    "UNKNOWN_REQUIREMENT": 404,
    "EXPORT_EXPIRED": 404,
    "LEGAL_HOLD_OWN": 403,
    "LEGAL_HOLD_UNKNOWN": 404,
    "CONFLICT": 409,
    "RECOVERY_ANSWERED": 409,
    "BREAK_CLOSED": 409,
    "BILL_PAID": 409,
    "BILL_NOT_ASSIGNABLE": 409,
    "STATEMENT_MISSING": 404,
    "NOTHING_TO_PAY": 409,
    "NOTICE_CONFLICT": 409,
    "NOT_RESOLVED_SO": 409,
    "CASH_DAY_BALANCED": 409,
    "CASH_NO_MORE_CODES": 409,
    "CASH_SLIP_LOCKED": 409,
    "CASH_SLIP_NOT_OPEN": 409,
    "DRAFT_CHANGED": 409,
    "DRAFT_GONE": 404,
    "CASE_NOT_TAKEN": 409,
    "CASE_TAKEN": 409,
    "PROPOSAL_WAITS": 409,
    "DISPUTE_CLOSED": 409,
    "DISPUTE_NOT_YOUR_TURN": 409,
    "CORRECTION_CLOSED": 409,
    "CORRECTION_NOT_TAKEN": 409,
    "NOT_THE_AGENCYS_TURN": 409,
    "RECOVERY_OWN": 403,
    "INCOMING_OWN": 403,
    "REQUEST_CONFLICT": 409,
    "REQUEST_REPLAYED": 409,
    "AGENCY_GOVERNS_ITSELF": 409,
    "MAKER_GONE": 409,
    "AGREEMENT_STATE_CONFLICT": 409,
    "NOTHING_TO_ROLL_BACK_TO": 409,
    "SERVICE_CHECK_EXPIRED": 409,
    "SERVICE_DRAFTS_FULL": 409,
    "SERVICE_NAMES_FULL": 409,
    "SERVICE_KEYS_DROPPED": 409,
    "SERVICE_OPERATION_OWED": 409,
    "SERVICE_VERSIONS_FULL": 409,
    "SERVICE_REVIEW_NEEDED": 409,
    "SERVICE_SLUG_TAKEN": 409,
    "SERVICE_STATE_CONFLICT": 409,
    "MAINTENANCE_OVER": 409,
    "MAINTENANCE_OVERLAPS": 409,
    "SERVICE_VERSION_NOT_HIGHER": 409,
    "SERVICE_VERSION_TAKEN": 409,
    "BULK_BUSY": 409,
    "SNAPSHOT_GONE": 409,
    "EXPORT_NOT_READY": 409,
    "EVIDENCE_SUBMITTED": 409,
    "TOO_MUCH_EVIDENCE": 409,
    "NATIONAL_ID_TAKEN": 409,
    "PRIVACY_REQUEST_OPEN": 409,
    "PRIVACY_REQUEST_STATE": 409,
    "PROPOSAL_DECIDED": 409,
    "PROPOSAL_EXPIRED": 409,
    "SERVES_ANOTHER_AGENCY": 409,
    "STILL_AN_OFFICER": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "INGEST_EXPIRED": 409,
    "INGEST_RUNNING": 409,
    "EVIDENCE_CUT": 400,
    "EVIDENCE_TOO_SLOW": 408,
    "BODY_TOO_LARGE": 413,
    "PAPER_TOO_LARGE": 413,
    "ISSUED_NOT_FOUND": 404,
    "STANDING_CONFLICT": 409,
    "EVIDENCE_TOO_LARGE": 413,
    "EVIDENCE_TYPE": 415,
    "MEDIA_TYPE_UNSUPPORTED": 415,
    "NDJSON_WANTED": 415,
    "TOO_MANY_NOTICE_CODES": 429,
    "RATE_LIMITED": 429,
    "SERVICE_ACTS_LIMITED": 429,
    "SERVICE_RETIRED": 410,
    "EVIDENCE_CLOSED": 503,
    "SERVICE_SUSPENDED": 503,
    "INGEST_INTERRUPTED": 503,
    "SERVICE_UNAVAILABLE": 503,
    "TIES_UNKNOWN": 503,
    "INTERNAL": 500,
    "KEYS_UNUSABLE": 500,
    "AGENCY_CONNECTIONS_UNUSABLE": 500,
    "AGENCY_SECRET_UNUSABLE": 500,
    "SEAL_BROKEN": 500,
    "STORE_UNUSABLE": 500,
}
"""Codes not listed are the caller's to mend: 422."""


class BadRequest(SitthiError):
    """The HTTP request is not GraphQL over HTTP."""

    code = "BAD_REQUEST"
    text = Text(th="รูปแบบคำขอไม่ถูกต้อง: {what}", en="The request is not well-formed: {what}")


_QUOTES: Final = (
    (re.compile(r"(cannot represent [^:]*:) .*", re.DOTALL), r"\1 …"),
    (re.compile(r"(, found:) .*", re.DOTALL), r"\1 …"),
    (re.compile(r"(Value) .* (does not exist in '\w+' enum).*", re.DOTALL), r"\1 … \2."),
    (re.compile(r"((?:Block)?String|named) (['\"]).*\2", re.DOTALL), r"\1 …"),
    (re.compile(r"\d(?:[- ]?\d){12,}"), "…"),
    (re.compile(r"[^\x20-\x7e…]+"), "…"),
)
"""Where the GraphQL library quotes the caller's values in its messages. They may be a name, an address or a national
ID, and errors are copied into logs and reports; what it says of the schema stays."""

INTERNAL: Final = Text(th="เกิดข้อผิดพลาดภายในระบบ", en="Something went wrong on our side.")


def status_of(error: SitthiError) -> int:
    return HTTP_STATUS.get(error.code, 422)


def as_json(error: SitthiError, language: Language) -> dict[str, Any]:
    """The body of an HTTP error, in the shape of a GraphQL answer so that clients need one reader."""
    return {"errors": [{"message": error.message(language), "extensions": extensions_of(error)}]}


def extensions_of(error: SitthiError) -> dict[str, Any]:
    """The code, and with it what a client needs in order to go on."""
    if isinstance(error, StepUpRequired):  # RFC 9470 §3, under GraphQL's spelling of names
        demand = error.demand
        return {"code": error.code, "acrValues": demand.assurance.acr, "maxAge": demand.age_seconds_max}
    if isinstance(error, PluginRefused):
        return {"code": error.code, "faults": [asdict(fault) for fault in error.faults]}
    if isinstance(error, SourceSilent) and error.until is not None:
        return {"code": error.code, "until": error.until.isoformat()}
    if isinstance(error, CredentialRefused):
        return {"code": error.code, "why": error.why.value}
    return {"code": error.code}


class TypedError(GraphQLError):
    """An error that has its code and says nothing but what a client may see."""


def as_graphql(error: GraphQLError, language: Language) -> TypedError:
    """What the client sees of an error in a GraphQL answer: a message in their language and a stable code.

    The library shows an error to more than one hook; what is typed already stays as it is.
    """
    if isinstance(error, TypedError):
        return error
    code, message = _described(error, language)
    original = _original(error)
    return TypedError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions_of(original) if isinstance(original, SitthiError) else {"code": code},
    )


def _original(error: GraphQLError) -> Exception | None:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return original


def _described(error: GraphQLError, language: Language) -> tuple[str, str]:
    original = _original(error)
    if isinstance(original, SitthiError):
        return original.code, original.message(language)
    if original is not None or error.path is not None:  # a path means that it happened while answering
        log.error("unexpected", path=error.path, exc_info=original or error)
        return "INTERNAL", INTERNAL.in_language(language)
    message = without_values(error.message)
    if error.extensions and "code" in error.extensions:
        return str(error.extensions["code"]), message
    if isinstance(error, GraphQLSyntaxError):
        return ("QUERY_TOO_LARGE" if "Document contains more than" in message else "GRAPHQL_PARSE_FAILED"), message
    return "GRAPHQL_VALIDATION_FAILED", message


def without_values(message: str) -> str:
    """What the GraphQL library says, without the values it was given."""
    for quote, instead in _QUOTES:
        message = quote.sub(instead, message)
    return message

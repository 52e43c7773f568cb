"""`sitthi verify`: a credential or a paper by a downloaded bundle, without network and database (docs/verifying.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import orjson
import typer

if TYPE_CHECKING:
    from datetime import datetime

    from services.receive.credentials.showing import Checked
    from services.receive.offline.reading import Bundle
    from services.receive.papers.checking import Genuine

REFUSED: Final = 1
CANNOT_TELL: Final = 2
"""Also what a wrong command line ends with: nothing was verified."""
_WORDS: Final = {
    "PROVED": "ผู้แสดงพิสูจน์แล้วว่าเป็นเจ้าของ · the holder was proved",
    "NOT_PROVED": "ไม่ได้พิสูจน์ว่าผู้แสดงเป็นเจ้าของ · the holder was not proved",
    "NOT_BOUND": "ไม่ผูกกับกุญแจของผู้ถือ · bound to no holder's key",
}


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A PDF, or a credential as text.")],
    trust: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="A copy of /.well-known/verification-bundle.json.")
    ],
    key: Annotated[str | None, typer.Option(help="The thumbprint of the key that must have signed the bundle.")] = None,
    audience: Annotated[str | None, typer.Option(help="Whom the holder's wallet was asked to sign for.")] = None,
    nonce: Annotated[str | None, typer.Option(help="What it was asked to sign. Use a new one each time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Verifies without a network. Exit status: 0 good, 1 refused, 2 nothing can be told."""
    from core.clock import SystemClock
    from core.errors import SitthiError
    from services.receive.credentials.errors import CredentialRefused
    from services.receive.credentials.verifying import Asked
    from services.receive.offline.errors import BundleRefused
    from services.receive.offline.reading import Bundle

    if (audience is None) != (nonce is None):
        _end("--audience and --nonce come together", CANNOT_TELL)
    now = SystemClock().now()
    try:
        bundle = Bundle.read(trust.read_bytes(), now, pinned=key)
        told = _told(file.read_bytes(), bundle, now, None if nonce is None else Asked(audience or "", nonce))
    except BundleRefused as refused:
        _end(f"{refused.text.filled(**refused.fields).th}\n{refused}", CANNOT_TELL)
    except SitthiError as refused:
        text = refused.reason if isinstance(refused, CredentialRefused) else refused.text
        code = refused.why.value if isinstance(refused, CredentialRefused) else refused.code
        if as_json:
            typer.echo(orjson.dumps({"valid": False, "reason": code}).decode())
        _end(f"{text.th}\n{text.en} ({code})", REFUSED)
    if as_json:
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo("ของจริง · genuine")
    for name, value in told.items():
        written = value if isinstance(value, str) else orjson.dumps(value).decode()
        typer.echo(f"{name}\t{_WORDS.get(written, written) if name == 'holder' else written}")


def _told(content: bytes, bundle: Bundle, now: datetime, asked: Any) -> dict[str, Any]:
    from services.receive.papers.checking import PDF_BYTES_MAX
    from services.receive.papers.errors import PaperTooLarge

    as_of = {"asOf": bundle.made_at.isoformat(), "until": bundle.until.isoformat(), "bundleSignedBy": bundle.signed_by}
    if content.startswith(b"%PDF-"):
        if len(content) > PDF_BYTES_MAX:
            raise PaperTooLarge
        return {**_of_paper(bundle.paper(content, now)), **as_of}
    text = "".join(content.decode("utf-8", "replace").split()).rpartition("#")[2]
    return {**_of_credential(bundle.credential(text, now, asked)), **as_of}


def _of_paper(found: Genuine) -> dict[str, Any]:
    signed = None if found.signed_at is None else found.signed_at.isoformat()
    return {"valid": True, "agency": found.agency, "signedAt": signed, "sha256": found.sha256}


def _of_credential(found: Checked) -> dict[str, Any]:
    verified = found.verified
    return {
        "valid": True,
        "issuer": verified.issuer,
        "type": verified.type,
        "holder": found.holder.value,
        "status": None if found.status is None else found.status.name,
        "expiresAt": None if verified.expires_at is None else verified.expires_at.isoformat(),
        "claims": verified.claims,
    }


def _end(sentence: str, status: int) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(status)

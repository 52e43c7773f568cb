"""Reads the templates by which a plugin's papers are laid out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.plugins.contract import Fault, Rule
from services.plugins.plugin import Origin

FOLDER: Final = "documents"
SUFFIX: Final = ".typ"
TEMPLATE_BYTES_MAX: Final = 64 * 1024
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_PACKAGE: Final = re.compile(r"@[a-z]+/")


def read_templates(folder: Path, origin: Origin, faults: list[Fault]) -> Mapping[str, str]:
    """Typst by name; what is wrong with them is added to `faults`."""
    place = folder / FOLDER
    if not place.is_dir():
        return {}
    if origin is not Origin.TREE:
        faults.append(Fault(Rule.TEMPLATE, "a package has no templates", "Answer a `Document`", FOLDER))
        return {}
    found = {}
    for path in sorted(place.iterdir()):
        file = f"{FOLDER}/{path.name}"
        if path.suffix != SUFFIX or not _NAME.fullmatch(path.stem):
            remedy = "Call it by small letters, digits and `_`, and `.typ`"
            faults.append(Fault(Rule.TEMPLATE, "it is no template", remedy, file))
            continue
        content = path.read_bytes()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            faults.append(Fault(Rule.TEMPLATE, "it is no text", "Write it in UTF-8", file))
            continue
        if len(content) > TEMPLATE_BYTES_MAX:
            faults.append(Fault(Rule.TEMPLATE, "it is larger than 64 KB", "Say less", file))
        elif _PACKAGE.search(text):
            remedy = "Write out what you need: nothing is fetched from the network"
            faults.append(Fault(Rule.TEMPLATE, "it names a package of typst's", remedy, file))
        else:
            found[path.stem] = text
    return found

"""Reading the catalogue's files: strictly, and with the line of whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.strict_yaml import FileError, line_at, read_any
from core.text import Text


class CatalogueFileError(FileError):
    """What a file of the catalogue says cannot be so. It is a mistake of ours, never a citizen's."""

    code = "CATALOGUE_FILE_INVALID"
    text = Text(
        th="{file} บรรทัด {line}: ไฟล์บัญชีข้อมูลไม่ถูกต้อง: {problem} {remedy}", en="{file}, line {line}: {problem}. {remedy}."
    )

    def __init__(self, file: str, line: int, problem: str, remedy: str = "Correct the file") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(file, line, problem=problem, remedy=remedy)


class CatalogueFile:
    """One file: its values, and where each of them stands. Raises :class:`FileError` when it is not in form."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._read = read_any(text, name)

    def of(self, kind: Any) -> Any:
        """The whole file as a value of the type. Raises :class:`CatalogueFileError` for what is wrong first."""
        try:
            return TypeAdapter(kind).validate_python(self._read)
        except ValidationError as error:
            first = error.errors()[0]
            path = [step for step in first["loc"] if step != "[key]"]
            where = ".".join(str(step) for step in path)
            line = line_at(self._read, path)
            raise CatalogueFileError(
                self.name, line, f"{where}: {first['msg']}", _remedy(first["type"], where)
            ) from error

    def line(self, *path: str | int) -> int:
        """Where the deepest part of `path` that is there stands."""
        return line_at(self._read, path)

    def must(self, condition: bool, at: tuple[str | int, ...], problem: str, remedy: str) -> None:
        """Raises :class:`CatalogueFileError` unless the condition holds; `at` is the path of what is wrong."""
        if not condition:
            raise CatalogueFileError(self.name, self.line(*at), problem, remedy)


def _remedy(kind: str, where: str) -> str:
    if kind == "missing":
        return f"Add `{where}`"
    if kind == "extra_forbidden":
        return f"Remove `{where}`, or correct its spelling"
    return f"Correct `{where}`"


def opened(texts: Mapping[str, str], name: str) -> CatalogueFile:
    return CatalogueFile(name, texts[name])

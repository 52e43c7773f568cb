"""Where a manifest sends citizens who want to reach people."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from services.plugins.contract.titles import Strict, plain_text

_PAGE: Final = r"^https://[^\s/?#@\\<>\"]+([/?#][^\s\\<>\"]*)?$"


class Contact(Strict):
    """Where a citizen reaches people; at least one way."""

    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+ -]{3,20}$")] | None = None
    email: (
        Annotated[
            str, StringConstraints(pattern=r"^[^@\s<>\"]+@[^@\s<>\"]+$", max_length=200), AfterValidator(plain_text)
        ]
        | None
    ) = None
    url: Annotated[str, StringConstraints(pattern=_PAGE, max_length=300), AfterValidator(plain_text)] | None = None
    """Without a user's name before the host, by which one host is made to look like another."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.phone is None and self.email is None and self.url is None:
            raise ValueError("give a phone, an email or a url")
        return self

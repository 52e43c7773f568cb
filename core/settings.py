"""Every setting, in one typed object. Each comes from the environment; `docs/settings.md` lists them all."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_NEEDED_IN_PRODUCTION: Final = (
    "public_url",
    "database_url",
    "redis_url",
    "secret_keys",
    "thaid_issuer",
    "thaid_client_secret",
)


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SITTHI_",
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,  # an error at start is printed, and the input holds every secret
    )

    environment: Environment = Environment.DEVELOPMENT
    """`production` refuses default secrets and never starts a sandbox."""
    host: str = Field("127.0.0.1", validation_alias="HOST")
    """The address to listen on."""
    port: int = Field(8000, validation_alias="PORT", ge=1, le=65535)
    """The port to listen on."""
    data: Path = Path("var")
    """Where the embedded database, the development secrets and the sandboxes live."""
    public_url: str | None = None
    """The address people see, without a trailing slash; also the OpenID issuer. Default `http://localhost:PORT`."""
    database_url: str | None = None
    """`postgresql://user:password@host/db` or `sqlite:///path`. Default: SQLite in the data folder."""
    redis_url: str | None = None
    """`redis://host:port/0` of Redis or Valkey. Default: an in-process stand-in, good for one process."""
    secret_keys: SecretStr | None = None
    """JSON `{"current": "k1", "keys": {"k1": "<32 bytes, base64>"}, "index": "<32 bytes, base64>"}`.
    Default in development: made at the first start and kept in the data folder, readable by the owner alone."""
    sandbox: bool = True
    """Serve the stand-ins of ThaID, the bank and the agencies under `/sandbox`. Development only."""
    sandbox_url: str | None = None
    """Where the sandboxes of agencies and bank are, when another process serves them. Default: this process."""
    thaid_issuer: str | None = None
    """The OpenID issuer of ThaID, as people's browsers reach it. Default: the sandbox, under `/sandbox/thaid`."""
    thaid_url: str | None = None
    """Where this server reaches the same issuer, if elsewhere. For the sandbox, by default, `http://127.0.0.1:PORT/…`."""
    thaid_client_id: str = "sitthi"
    """The name under which ThaID knows us."""
    thaid_client_secret: SecretStr | None = None
    """The secret that goes with it. Default, for the sandbox alone: derived from our own keys."""
    demo_citizens: int = Field(10_000, ge=0, le=5_000_000)
    """How many made-up citizens the sandboxes hold, the personas apart."""
    demo_seed: int = 1
    """The seed they are made from: the same seed makes the same people."""

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            missing = [f"SITTHI_{name.upper()}" for name in _NEEDED_IN_PRODUCTION if getattr(self, name) is None]
            if missing:
                raise ValueError(f"in production these must be set: {', '.join(missing)}")
            if self.sandbox:
                raise ValueError("the sandboxes never start in production: set SITTHI_SANDBOX=false")
            if self.sandbox_url is not None:
                raise ValueError("no sandbox is asked in production: unset SITTHI_SANDBOX_URL")
            open_to_all = [
                f"SITTHI_{name.upper()}"
                for name in ("public_url", "thaid_issuer")
                if not str(getattr(self, name)).startswith("https://")
            ]
            if open_to_all:
                raise ValueError(f"in production these must be https addresses: {', '.join(open_to_all)}")
        return self

    @property
    def issuer(self) -> str:
        """The OpenID issuer and the base of every public address. Never steered by a request's Host header."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether people reach us by https, which decides the cookies' names and flags."""
        return self.issuer.startswith("https://")

    @property
    def sqlalchemy_url(self) -> str:
        """The URL with the asynchronous driver named."""
        url = self.database_url or f"sqlite:///{self.data.resolve() / 'sitthi.sqlite'}"
        for plain, driven in (
            ("postgresql://", "postgresql+asyncpg://"),
            ("postgres://", "postgresql+asyncpg://"),
            ("sqlite://", "sqlite+aiosqlite://"),
        ):
            if url.startswith(plain):
                return driven + url.removeprefix(plain)
        return url

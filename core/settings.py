"""Every setting, in one typed object. Each comes from the environment; `docs/settings.md` lists them all."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.addresses import networks
from core.issuers import TrustedIssuer, from_json, refuse_twins

_NEEDED_IN_PRODUCTION: Final = (
    "public_url",
    "database_url",
    "redis_url",
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
    secret_keys_file: Path | None = None
    """A file with the same JSON, a mounted secret. Running processes follow its changes within a second, so that keys
    rotate while they serve. In production either this or `SITTHI_SECRET_KEYS` is needed, not both."""
    payments_per_file: int = Field(1_000, ge=1, le=10_000)
    """Payments of one file to the bank, which has a limit of its own. A payday that needs more is several files,
    planned and approved as one."""
    bank_notice_secret: SecretStr | None = Field(None, min_length=32)
    """What the bank signs its notices of payment with (docs/fees.md). Without it none is believed; for the sandbox's
    bank alone it is derived from our own keys."""
    budget_required: bool = False
    """Whether a payment run is approved only where a budget is set for each of its programmes and fiscal years. Without
    it, a programme for which none is set is paid without limit."""
    signing_key_days: int = Field(30, ge=1, le=366)
    """How many days a key signs tokens before the next one does. Its tokens stay valid until they expire."""
    signing_key_ahead_hours: int = Field(24, ge=1, le=24 * 7)
    """How many hours a key is published before it signs, for verifiers that keep our key set."""
    sandbox: bool = True
    """Serve the stand-ins of ThaID, the bank and the agencies under `/sandbox`. Development only."""
    sandbox_bank_payments_max: int = Field(10_000, ge=1, le=100_000)
    """Payments of one file that the sandbox bank takes; it refuses a larger one whole, as banks do."""
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
    plugin_loopback: bool | None = None
    """Whether agencies' plugins may be on this machine, at 127.0.0.0/8, `::1` and `localhost`, and be asked by `http://`
    there. Default: in development alone; production refuses it."""
    agencies_file: Path | None = None
    """A TOML file that says where agencies' own systems are and how Sitthi signs in there; it names where secrets
    are, and holds none (docs/agency-connections.md). Whom it does not name, the sandbox stands in for, in development
    alone."""
    trusted_issuers: Annotated[tuple[TrustedIssuer, ...], NoDecode] = ()
    """JSON list of other OpenID providers whose access tokens open the graph (docs/trusted-issuers.md)."""
    own_provider: bool = True
    """Serve our own OpenID provider and sign-in pages. Without them, only trusted issuers sign people in."""
    trusted_proxies: str = ""
    """Our own proxies, as addresses or networks with commas between: `10.0.0.0/8, 192.0.2.7`. From them alone
    `X-Forwarded-For` or `Forwarded` is believed, up to the last hop that is not one of them."""
    rate_limit_scale: float | None = Field(None, ge=0, le=1_000_000, allow_inf_nan=False)
    """Multiplies the counts of all limits on traffic; 0 turns them off. Default: 1 in production, where 0.01 to 100 is
    allowed; 1000 in development, where everything comes from one address. Limits on guessing stay as they are."""
    service_changes_per_hour: int = Field(20, ge=1, le=10_000)
    """How often in an hour an agency's system may publish, roll back and resume one service: every worker then composes
    the graph anew. Suspending is never limited, nor is what reviewers do."""
    agency_changes_per_hour: int = Field(60, ge=1, le=10_000)
    """The same of all services of an agency together."""
    service_checks_per_hour: int = Field(30, ge=1, le=10_000)
    """How many conformance checks of one service an agency may ask for in an hour."""
    agency_checks_per_hour: int = Field(120, ge=1, le=10_000)
    """The same of all services of an agency together."""
    service_sendings_per_hour: int = Field(120, ge=1, le=10_000)
    """How often in an hour an agency may send documents of one service, or hand them to the reviewers."""
    agency_sendings_per_hour: int = Field(480, ge=1, le=10_000)
    """The same of all services of an agency together."""
    service_drafts: int = Field(20, ge=1, le=1_000)
    """How many versions of one service that were never published may stand at once."""
    agency_drafts: int = Field(200, ge=1, le=10_000)
    """The same of all services of an agency together."""
    agency_names: int = Field(500, ge=1, le=100_000)
    """How many names of services an agency may use, for ever: the trail of a service that was discarded stays."""
    service_versions: int = Field(1_000, ge=2, le=100_000)
    """How many versions of one service are kept, with what was published: each holds at most 200,000 bytes."""
    agency_versions: int = Field(5_000, ge=2, le=100_000)
    """The same of all services of an agency together."""
    service_check_days: int = Field(30, ge=1, le=366)
    """How many days a passed conformance check is good for publishing the version that passed it."""
    clamd: str | None = Field(None, pattern=r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")
    """`host:port` of clamd, which scans what citizens send as evidence. Without it nobody does: in production nothing
    is taken then, and while developing no officer is shown what was."""
    smtp_url: SecretStr | None = None
    """The mail server that notices are handed to: `smtps://user:password@host:465`, with TLS from the start, or
    `smtp://…:587`, with STARTTLS. While developing `smtp+plain://…:25`, too. Without it nobody is told by e-mail."""
    mail_from: str | None = Field(None, pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}$")
    """The address that notices come from, at a domain whose SPF and DKIM name that server."""
    push_services: str = (
        "fcm.googleapis.com, updates.push.services.mozilla.com, web.push.apple.com, .notify.windows.com"
    )
    """Hosts of the push services that browsers may bring, with commas between; one that begins with a dot stands for
    every host below it. Empty: nobody is told by Web Push. `localhost` is for tests, while developing."""
    metrics_token: SecretStr | None = Field(None, min_length=32)
    """Who sends it as a bearer token may read `/metrics`. Without one nobody may in production, and while developing
    only programs on this machine."""
    demo_citizens: int = Field(10_000, ge=0, le=5_000_000)
    """How many made-up citizens the sandboxes hold, the personas apart."""
    demo_seed: int = 1
    """The seed they are made from: the same seed makes the same people."""

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_can_be_read(cls, given: str) -> str:
        try:
            networks(given)
        except ValueError:
            raise ValueError("SITTHI_TRUSTED_PROXIES: addresses or networks, with commas between") from None
        return given

    @field_validator("trusted_issuers", mode="before")
    @classmethod
    def _issuers_are_json(cls, given: Any) -> Any:
        return from_json(given) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _somebody_can_sign_in(self) -> Self:
        refuse_twins(self.trusted_issuers)
        if any(one.issuer == self.issuer for one in self.trusted_issuers):
            raise ValueError("our own issuer is no other: take it out of SITTHI_TRUSTED_ISSUERS")
        if not self.own_provider and not self.trusted_issuers:
            raise ValueError("without our own provider somebody must be named in SITTHI_TRUSTED_ISSUERS")
        insecure = [one.name for one in self.trusted_issuers if not one.secure]
        if self.environment is Environment.PRODUCTION and insecure:
            raise ValueError(f"in production trusted issuers must have https addresses: {', '.join(insecure)}")
        return self

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.secret_keys is not None and self.secret_keys_file is not None:
            raise ValueError("set one of SITTHI_SECRET_KEYS_FILE and SITTHI_SECRET_KEYS, not both")
        if self.signing_key_ahead_hours >= self.signing_key_days * 24:
            raise ValueError("SITTHI_SIGNING_KEY_AHEAD_HOURS must be less than SITTHI_SIGNING_KEY_DAYS")
        if self.environment is Environment.PRODUCTION:
            needed = [name for name in _NEEDED_IN_PRODUCTION if self.own_provider or not name.startswith("thaid_")]
            missing = [f"SITTHI_{name.upper()}" for name in needed if getattr(self, name) is None]
            if self.secret_keys is None and self.secret_keys_file is None:
                missing.append("SITTHI_SECRET_KEYS_FILE (or SITTHI_SECRET_KEYS)")
            if missing:
                raise ValueError(f"in production these must be set: {', '.join(missing)}")
            if self.sandbox:
                raise ValueError("the sandboxes never start in production: set SITTHI_SANDBOX=false")
            if self.plugin_loopback:
                raise ValueError("in production no plugin is on this machine: unset SITTHI_PLUGIN_LOOPBACK")
            if self.sandbox_url is not None:
                raise ValueError("no sandbox is asked in production: unset SITTHI_SANDBOX_URL")
            open_to_all = [
                f"SITTHI_{name.upper()}"
                for name in ("public_url", "thaid_issuer")
                if name in needed and not str(getattr(self, name)).startswith("https://")
            ]
            if open_to_all:
                raise ValueError(f"in production these must be https addresses: {', '.join(open_to_all)}")
        return self

    @model_validator(mode="after")
    def _mail_can_be_sent(self) -> Self:
        if (self.smtp_url is None) != (self.mail_from is None):
            raise ValueError("SITTHI_SMTP_URL and SITTHI_MAIL_FROM are set both or neither")
        if self.environment is Environment.PRODUCTION:
            if self.smtp_url is not None and self.smtp_url.get_secret_value().startswith("smtp+plain:"):
                raise ValueError("in production mail is handed in with TLS: SITTHI_SMTP_URL=smtps://… or smtp://…")
            if "localhost" in self.push_hosts:
                raise ValueError("in production no push service is on this machine: see SITTHI_PUSH_SERVICES")
        return self

    @model_validator(mode="after")
    def _production_has_limits(self) -> Self:
        if self.environment is Environment.PRODUCTION and not 0.01 <= self.limit_scale <= 100:
            raise ValueError("in production SITTHI_RATE_LIMIT_SCALE must lie between 0.01 and 100")
        return self

    @property
    def limit_scale(self) -> float:
        """By what the counts of limits on traffic are multiplied."""
        if self.rate_limit_scale is not None:
            return self.rate_limit_scale
        return 1.0 if self.environment is Environment.PRODUCTION else 1_000.0

    @property
    def push_hosts(self) -> tuple[str, ...]:
        """The push services' hosts, one by one."""
        return tuple(one.strip().lower() for one in self.push_services.split(",") if one.strip())

    @property
    def plugins_on_loopback(self) -> bool:
        """Whether agencies' plugins may be on this machine."""
        if self.plugin_loopback is not None:
            return self.plugin_loopback
        return self.environment is Environment.DEVELOPMENT

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

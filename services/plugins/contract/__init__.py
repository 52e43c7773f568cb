"""Contract 1: all that an agency's plugin sees of Sitthi.

A plugin is a folder: `manifest.toml`, `graph.graphql` (plain SDL, if it shows anything), `plugin.py` with one
asynchronous function per operation, and `examples/*.json`, at least one per operation and per declared error. Its code
imports this package and the part of the standard library that only computes, and nothing else.

An operation is `async def name(host: Host, call: Call) -> answer`. Its manifest name is the name of its GraphQL field
(`ageLimit`), the function's the same in snake case (`age_limit`). Answers are JSON-like: dicts under the SDL's own
field names, lists, str, int, bool, None, `datetime.date`, aware `datetime.datetime`, :class:`Money`. They are checked
against the SDL; keys that the SDL does not know are dropped. A `source` operation answers a dict of attribute id →
:class:`Known`; leaving an attribute out says that the agency does not know it, `Known(None, ...)` that there is none.
A source whose manifest declares a `batch` gets several people in `call.people` and answers such a dict for each of
them whom the agency knows, by :class:`NationalId`.
"""

from core.clock import BANGKOK, Clock
from core.ids import MalformedNationalId, NationalId
from core.money import Money
from core.text import Text
from core.thai_dates import (
    MalformedThaiDate,
    PartialDate,
    Precision,
    UnknownThaiDate,
    parse_be_yyyymmdd,
    parse_iso,
    parse_tang_rat,
)
from services.plugins.contract.credentials import Binding, ClaimSpec, CredentialSpec
from services.plugins.contract.faults import Fault, ManifestError, PluginRefused, Rule
from services.plugins.contract.fees import Fee, FeeWhen, IssueFee
from services.plugins.contract.kinds import (
    Application,
    ApplicationState,
    Attachment,
    Award,
    Credential,
    Document,
    Event,
    Notice,
    Paper,
    PaymentRequest,
    Rejected,
    Relationship,
    State,
    Taken,
    Told,
)
from services.plugins.contract.manifest import (
    CONTRACT_VERSION,
    Access,
    Agency,
    Asked,
    Assurance,
    Contact,
    Delegates,
    Endpoint,
    EventKind,
    Manifest,
    Need,
    NeedBasis,
    OperationKind,
    OperationSpec,
    ServiceCategory,
    parse_manifest,
    read_manifest,
)
from services.plugins.contract.notices import NoticeSpec
from services.plugins.contract.operations import (
    AgencyClient,
    AgencyError,
    AgencyRefusal,
    Call,
    Host,
    Known,
    Operation,
    ask_each,
)
from services.plugins.contract.registers import Ask, NoRegisters, RegisterRefused, Registers, RegisterSilent
from services.plugins.contract.reporting import Reporter, Sender
from services.plugins.contract.statements import Statements, UnsignedStatements
from services.plugins.contract.store import NoStore, Plain, Store, StoreReading, StoreTransaction
from services.plugins.contract.titles import Titles

__all__ = [
    "BANGKOK",
    "CONTRACT_VERSION",
    "Access",
    "Agency",
    "AgencyClient",
    "AgencyError",
    "AgencyRefusal",
    "Application",
    "ApplicationState",
    "Ask",
    "Asked",
    "Assurance",
    "Attachment",
    "Award",
    "Binding",
    "Call",
    "ClaimSpec",
    "Clock",
    "Contact",
    "Credential",
    "CredentialSpec",
    "Delegates",
    "Document",
    "Endpoint",
    "Event",
    "EventKind",
    "Fault",
    "Fee",
    "FeeWhen",
    "Host",
    "IssueFee",
    "Known",
    "MalformedNationalId",
    "MalformedThaiDate",
    "Manifest",
    "ManifestError",
    "Money",
    "NationalId",
    "Need",
    "NeedBasis",
    "NoRegisters",
    "NoStore",
    "Notice",
    "NoticeSpec",
    "Operation",
    "OperationKind",
    "OperationSpec",
    "Paper",
    "PartialDate",
    "PaymentRequest",
    "Plain",
    "PluginRefused",
    "Precision",
    "RegisterRefused",
    "RegisterSilent",
    "Registers",
    "Rejected",
    "Relationship",
    "Reporter",
    "Rule",
    "Sender",
    "ServiceCategory",
    "State",
    "Statements",
    "Store",
    "StoreReading",
    "StoreTransaction",
    "Taken",
    "Text",
    "Titles",
    "Told",
    "UnknownThaiDate",
    "UnsignedStatements",
    "ask_each",
    "parse_be_yyyymmdd",
    "parse_iso",
    "parse_manifest",
    "parse_tang_rat",
    "read_manifest",
]

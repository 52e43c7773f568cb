"""Runs the operations of plugins: in time, in bounds, checked, and never at another's cost."""

from services.plugins.runner.answers import check_answer
from services.plugins.runner.citizen_tokens import CitizenTokens
from services.plugins.runner.client import HttpAgencyClient
from services.plugins.runner.errors import AgencyDeclined, MalformedAnswer, MalformedReply, Trouble, WrongSubject
from services.plugins.runner.examples import ExampleFailed, run_example
from services.plugins.runner.figures import LaneHealth
from services.plugins.runner.guards import Breaker, BreakerState, Lane, LaneLimits
from services.plugins.runner.kept import AnswerCache
from services.plugins.runner.remote import CallSigner, Wire, remote_functions
from services.plugins.runner.runner import Runner
from services.plugins.runner.service_keys import ServiceKeys
from services.plugins.runner.sources import PluginSource, sources_of
from services.plugins.runner.tokens import ClientKey, Credentials, Way

__all__ = [
    "AgencyDeclined",
    "AnswerCache",
    "Breaker",
    "BreakerState",
    "CallSigner",
    "CitizenTokens",
    "ClientKey",
    "Credentials",
    "ExampleFailed",
    "HttpAgencyClient",
    "Lane",
    "LaneHealth",
    "LaneLimits",
    "MalformedAnswer",
    "MalformedReply",
    "PluginSource",
    "Runner",
    "ServiceKeys",
    "Trouble",
    "Way",
    "Wire",
    "WrongSubject",
    "check_answer",
    "remote_functions",
    "run_example",
    "sources_of",
]

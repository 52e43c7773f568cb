"""Runs the operations of plugins: in time, in bounds, checked, and never at another's cost."""

from services.plugins.runner.answers import MalformedAnswer, check_answer
from services.plugins.runner.client import Credentials, HttpAgencyClient, MalformedReply
from services.plugins.runner.errors import AgencyDeclined
from services.plugins.runner.examples import ExampleFailed, run_example
from services.plugins.runner.guards import Breaker, Lane, LaneLimits
from services.plugins.runner.runner import Runner
from services.plugins.runner.sources import PluginSource, sources_of

__all__ = [
    "AgencyDeclined",
    "Breaker",
    "Credentials",
    "ExampleFailed",
    "HttpAgencyClient",
    "Lane",
    "LaneLimits",
    "MalformedAnswer",
    "MalformedReply",
    "PluginSource",
    "Runner",
    "check_answer",
    "run_example",
    "sources_of",
]

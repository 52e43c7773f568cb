"""What the law of one way to a fact looks at: every import, call and name that could lead past the gate."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = ("api", "core", "identity", "services", "welfare")
GATE: Final = "services/exchange/gate.py"
HOUSE: Final = "api/house.py"

IMPORTERS: Final[Mapping[str, tuple[str, ...]]] = {
    # who may import a module that leads to facts, or a part of it (`module:name`); a folder ends with a slash
    "services.exchange.gate": (HOUSE, "services/exchange/graph/facts.py", "services/exchange/bulk/"),
    "services.exchange.household": (GATE, "services/exchange/bulk/"),
    "services.exchange.sources:Reader": (
        *(GATE, "services/exchange/household.py", "services/exchange/bulk/"),
        "services/exchange/settling.py",  # what the gate holds already, told in one commit
    ),
    "services.exchange.sources:Sources": (GATE,),
    "services.exchange.cache:FactCache": (GATE, "services/exchange/sources.py"),
    "services.exchange.cache:Kept": ("services/exchange/sources.py", "services/exchange/settling.py"),
    "services.exchange.sign_in": (GATE,),
    "services.exchange.deciding": (GATE, "services/exchange/household.py", "services/exchange/bulk/"),
    "services.plugins.runner:PluginSource": (),
    "services.plugins.runner:sources_of": (HOUSE,),
    "services.plugins.runner.sources": ("services/plugins/runner/",),
    "services.sandbox": (
        *("services/sandbox/", HOUSE, "api/sandbox.py", "api/cli.py", "api/commands/talk.py"),
        "api/sandbox_page.py",  # lists its addresses, and asks none
        "api/connections.py",  # the credentials of the stand-ins, for agencies that nobody named in development
        "api/commands/agency.py",  # serves a stand-in for an agency, and asks none
        "api/sandbox_families.py",  # made-up people alone, whom a rule that is being written is tried on
        "api/sandbox_facts.py",  # the same
        "api/sandbox_feeds.py",  # made-up people's records, sent as real senders do; it reads none back
    ),
}
CALLERS: Final[Mapping[str, tuple[str, ...]]] = {
    # who may call a method of this name, on whatever it is called
    "reveal": (
        *(GATE, "services/exchange/sources.py", "services/pay/tasks.py"),
        *("identity/proposals/registry_acts.py", "identity/account/graph.py", "api/services_applied.py"),
        "identity/notices/tasks.py",  # an e-mail address, to write to it
    ),
    "reveal_all": (
        "services/exchange/sources.py",
        "identity/juristic/desk.py",  # the last digits of whom a director appoints, to the directors who approve it
    ),
    "read_many": ("services/exchange/", "services/plugins/runner/"),
}
RUNNERS: Final = (
    *("services/plugins/runner/", "api/services_applied.py"),
    "services/plugins/conformance/running.py",
    "services/plugins/records/service.py",
)
"""Who may run a plugin's operation: the runner itself; whoever takes a citizen's own application to the agency, with
facts that the gate gave, and comes back with how far it is; the conformance suite, about the made-up people of examples
alone; and what hands an agency's own records to its plugin."""
LOOKERS: Final = (
    *("api/composer/binding.py", "api/checks.py", "api/credentials.py"),
    *("services/plugins/documents/service.py", "services/plugins/asking/service.py"),
)
"""Who may besides, about a person in a function that is handed to the gate's `look` alone: the graph; and what asks for
a document, a credential, the candidate's own degrees that they let be compared, or another agency's register."""
OF_NOBODY: Final = ("api/licence_page.py", *LOOKERS)
"""Who may run what is public: about no person, as the page of insurance licences."""
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "exchange:fact": ("services/exchange/cache.py",),
    "exchange:corrected": ("services/exchange/cache.py",),
    "exchange:quota": ("services/exchange/agreements/quotas.py",),
}
BY_NAME: Final = frozenset({"import_module", "__import__", "exec", "eval", "find_spec", "spec_from_file_location"})
LOADERS: Final = (
    *("api/reference.py", "core/database.py"),  # walk over all rooms to list their models and errors
    "services/plugins/registry/folder.py",  # loads our own reviewed plugins
    "services/sandbox/folders.py",  # loads the stand-ins of their agencies
    "api/desk.py",  # runs a developer's package on the developer's own machine
    "services/plugins/hosting/__main__.py",  # runs a package where nothing of ours is
    "services/plugins/hosting/discovery.py",  # finds a package, and imports nothing
    "welfare/rules/python_sheet.py",  # runs what it compiled out of the conditions of programmes
)
"""Who may import or run what is not written down."""
INSIDES: Final = frozenset({"_reader", "_household", "_in_flight", "_fetch", "_read_far", "_answers", "_told"})
"""Of the gate and the reader; nobody names them but each its own."""


def program() -> list[Path]:
    return sorted(path for room in PROGRAM for path in (ROOT / room).rglob("*.py"))


def offences(path: str, text: str) -> list[str]:
    """What in a file of that path leads to a fact past the gate; empty for a file that keeps the law."""
    tree = ast.parse(text)
    return [*_imports(path, tree), *_calls(path, tree), *_names(path, tree)]


def imported(tree: ast.AST, path: str = "") -> Iterator[str]:
    """Every module, and every `module:name`, that the code imports; relative imports too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path)
            yield module
            for alias in node.names:
                yield f"{module}:{alias.name}"
                yield f"{module}.{alias.name}"  # it may be a module


def _absolute(node: ast.ImportFrom, path: str) -> str:
    if not node.level:
        return node.module or ""
    package = path.removesuffix(".py").split("/")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _imports(path: str, tree: ast.AST) -> Iterator[str]:
    found = set(imported(tree, path))
    for kept, may in IMPORTERS.items():
        module, _, name = kept.partition(":")
        if _is_among(path, (*may, module.replace(".", "/") + ".py")):
            continue
        if name:
            # The whole module, or all of its names at once, holds that name as well.
            taken = {kept, f"{module}:*"} & found or (
                {module} & found if _is_taken_whole(tree, path, module) else set()
            )
        else:
            taken = {one for one in found if one == module or one.startswith((f"{module}.", f"{module}:"))}
        if taken:
            yield f"imports {kept}"


def _is_taken_whole(tree: ast.AST, path: str, module: str) -> bool:
    package, _, last = module.rpartition(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == module for alias in node.names):
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and _absolute(node, path) == package
            and any(alias.name == last for alias in node.names)
        ):
            return True
    return False


def _may_run(path: str, call: ast.Call, looks: set[ast.Call]) -> bool:
    if _is_among(path, RUNNERS) or (_is_among(path, LOOKERS) and call in looks):
        return True
    given = {key.arg for key in call.keywords}  # None is what `**` hands over
    return _is_among(path, OF_NOBODY) and not {"person", "people", None} & given


def _inside_looks(tree: ast.AST) -> set[ast.Call]:
    """The calls inside functions that their surrounding one hands to `look`, and does nothing else with."""
    found: set[ast.Call] = set()
    for outer in ast.walk(tree):
        if not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        within = list(ast.walk(outer))
        handed = [
            id(argument)
            for node in within
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "look"
            for argument in node.args
        ]
        for inner in outer.body:
            if not isinstance(inner, ast.AsyncFunctionDef):
                continue
            uses = [node for node in within if isinstance(node, ast.Name) and node.id == inner.name]
            if uses and all(id(one) in handed for one in uses):
                found |= {node for node in ast.walk(inner) if isinstance(node, ast.Call)}
    return found


def _calls(path: str, tree: ast.AST) -> Iterator[str]:
    looks = _inside_looks(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CALLERS and isinstance(node.func, ast.Attribute) and not _is_among(path, CALLERS[name]):
            yield f"calls {name}"
        if name == "run" and "asker" in {key.arg for key in node.keywords} and not _may_run(path, node, looks):
            yield "runs a plugin's operation"
        if name in BY_NAME and not _is_among(path, LOADERS) and not isinstance(node.func, ast.Attribute):
            yield f"imports by name ({name})"
        if name in {"import_module", "spec_from_file_location"} and not _is_among(path, LOADERS):
            yield f"imports by name ({name})"


def _names(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for prefix, may in KEYS.items():
                if node.value.startswith(prefix) and not _is_among(path, may):
                    yield f"names the key {prefix}"
        if isinstance(node, ast.Attribute) and node.attr in INSIDES and not _is_own(node):
            yield f"reaches into {node.attr}"


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def _is_among(path: str, may: tuple[str, ...]) -> bool:
    return any(path.startswith(one) if one.endswith("/") else path == one for one in may)

"""The page about failures, made from the source: every code, what happened, and what to do."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.claims.lint import CODES as LEDGER
from analysis.gates import GATES
from bundle.codes import CODES as VERIFY
from bundle.errors import BundleError
from ormlab.archive.codes import CODES as ARCHIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT = Path(__file__).parents[1]
FOLDERS = ("agent", "host", "ormlab", "workloads/load")
_MAKERS = ("failure", "error", "interrupted", "obstacle", "refusal", "problem")
_FILLED_IN = "..."
_DEEPEST = 4  # names that lead to names
# Where the source only passes on what somebody else says.
TOLD: dict[str, tuple[str, str]] = {
    "agent-fault": (
        "the agent ended with an error that it does not know",
        "it is a fault of the lab: report it with the log that the message names",
    ),
    "catalog-unusable": (
        "the catalog is of another version, damaged, or older than the index",
        "build it anew from the bundles: `ormlab catalog build`",
    ),
    "fleet-incomplete": (
        "some runs of a fleet gave no bundle",
        "the message has a sentence for each of them; docs/fleet.md says what they mean",
    ),
    "host-unreachable": (
        "ssh cannot connect to a host",
        "read what ssh said: add the host's key to known_hosts, or correct the inventory",
    ),
    "inventory-variable": (
        "a variable of the inventory is one that a run would not use, or has another kind of value",
        "docs/hosts.md lists the variables; put other ssh settings into ~/.ssh/config",
    ),
    "key-twice": ("a key of a ledger stands twice", "give each entry a name of its own"),
    "ledger-invalid": (
        "a ledger is no YAML, or a key of it is unknown, missing or has another kind of value",
        "the message names file, line and key; docs/claims.md describes the format",
    ),
    "ledger-missing": (
        "there is no ledger of this name",
        "name a file, or one of the ledgers that the message lists",
    ),
    "plan-application": (
        (
            "the plan and its applications do not fit: a key that applications do not have, an "
            "operation that one lacks, or one that two of them describe differently"
        ),
        "the message names the key of the plan; docs/applications.md says what it may be",
    ),
    "service-file": (
        "a file of a service's folder can be neither shipped nor kept in a bundle",
        "the message says why: put the file itself there, rename it, or take the secret out",
    ),
    "no-usable-trial": (
        "no trial of a run may be used",
        "the bundle keeps the files and logs of every trial; look up the codes of the trials here",
    ),
    "plan-differs": (
        "this version makes another run of a bundle's plan",
        "run the bundle with the version that made it, which the message names",
    ),
    "plan-invalid": (
        "a plan is no YAML, or a key of it is unknown, missing, or has another kind of value",
        "the message names file, line and key; docs/plans.md describes every key",
    ),
    "result-invalid": (
        "a file is no result of a tool that the lab knows, is cut off, or has an impossible number",
        "give `ormlab import` the whole output of one tool, or name the tool with --format",
    ),
    "stack-lost": (
        "the stack of a bundle cannot be made as it was: its requests here have another digest",
        "check out the commit that the bundle names, then run it again",
    ),
    "stack-unlockable": (
        "no set of packages fits a version, a local source or an interpreter",
        "the message has uv's reason; choose a version that it names, or another --python",
    ),
    "store-index": (
        "the index of a store is broken",
        "the message names the line; restore the index from a copy kept elsewhere",
    ),
    "subject-invalid": (
        "a subject of `ormlab compare` is not written as one",
        "docs/compare.md describes subjects; the message says which part is wrong",
    ),
    "subject-unusable": (
        "a subject could not be installed or served, so there is nothing to compare",
        "choose another version, or another interpreter with --python",
    ),
    "sudo-refused": (
        "the login user cannot become the account that does the lab's work on a host",
        "set ansible_become_password, allow it in sudoers, or provision the host first",
    ),
    "usage": (
        "the command line has an unknown command, option or value",
        "`ormlab COMMAND --help` shows what the command takes",
    ),
}
# What to do about each error of a bundle; what happened stands in its class.
BUNDLES: dict[str, str] = {
    "archive-refused": "fetch the packed bundle again; if it is the same, do not rely on it",
    "bundle-busy": "wait until the other process has ended, or end it",
    "bundle-exists": "choose another place, or move away what is there",
    "bundle-missing": "name the folder that holds SEAL.json",
    "disk-full": "free some space and resume: every trial closed so far is kept",
    "index-broken": "restore the index from a copy kept elsewhere",
    "not-sealed": "resume the run (`ormlab resume`), or fetch the bundle again",
    "not-verified": "`ormlab verify` lists what is wrong with the bundle",
    "path-refused": "choose a name of letters, digits and ._+=@,-",
    "record-refused": "`ormlab verify` says what is wrong with the bundle",
    "storage-failed": "check that the folder is there, on a healthy disk, and may be written",
    "writer-closed": "it is a fault of the lab: report it with the message",
}
_BEFORE = """\
Every code that the lab gives, what happened, and what to do next. A failed trial stays in its
bundle with one of these codes, or with that of a [gate](gates.md), and the run continues. If a
whole command fails, the `problems` of its `--json` document have the same codes. `...` stands for a
detail that the program fills in. A code can have several causes: each has its own line.
"""
_ELSEWHERE = (
    ("`ormlab verify` finds", "verification.md", VERIFY),
    ("`ormlab archive verify` finds", "archive.md", ARCHIVE),
    ("`ormlab claims lint` finds", "claims.md", LEDGER),
    ("a gate finds in a trial, a comparison or a run", "gates.md", [each.code for each in GATES]),
)
_HOSTS = """\
`ormlab provision` and `ormlab drift` also report `knob-NAME` for a setting and `host-NAME` for a
reading that is not as it should be. [readings.md](readings.md) has their names, and what to do.
"""


type _Assigned = tuple[ast.stmt, ast.expr]


@dataclass
class Told:
    """What the source says of one code: each text once, in the order of the modules."""

    what: dict[str, None] = field(default_factory=dict)
    hints: dict[str, None] = field(default_factory=dict)
    modules: dict[str, None] = field(default_factory=dict)


def page(mark: str) -> str:
    """The page; `mark` says that it is generated."""
    lines = ["# Failures\n", mark, _BEFORE, "## Commands, trials and hosts\n"]
    lines += _table((code, *rows) for code, rows in described().items())
    lines += ["\n## Bundles\n"]
    lines += _table((kind.code, [_meaning(kind)], [BUNDLES[kind.code]]) for kind in bundle_errors())
    lines += ["\n## Codes of other pages\n", "| what | codes | page |\n|---|---|---|"]
    for what, where, codes in _ELSEWHERE:
        listed = ", ".join(f"`{code}`" for code in sorted(codes))
        lines.append(f"| what {what} | {listed} | [{where}]({where}) |")
    return "\n".join([*lines, "", _HOSTS])


def described() -> dict[str, tuple[list[str], list[str]]]:
    """By code, what happened and what to do, each of several causes once."""
    return {
        code: tuple([text] for text in TOLD[code])
        if code in TOLD
        else (_known(told.what), _known(told.hints))
        for code, told in raised().items()
    }


def bundle_errors() -> list[type[BundleError]]:
    """The classes of errors of bundles, by code."""
    kinds = list(BundleError.__subclasses__())
    for kind in kinds:
        kinds += kind.__subclasses__()
    own = [kind for kind in kinds if kind.__module__ == BundleError.__module__]
    return sorted(own, key=lambda kind: kind.code)


def _meaning(kind: type[BundleError]) -> str:
    said = (kind.__doc__ or "").strip().rstrip(".")
    return f"{said[:1].lower()}{said[1:]}"


def _known(texts: Mapping[str, None]) -> list[str]:
    """The texts that say more than that something is filled in; all of them if none does."""
    telling = [text for text in texts if says_something(text)]
    return telling or list(texts)


def says_something(text: str) -> bool:
    """Whether a text has words, and not only details that the program fills in."""
    return any(each.isalpha() for each in text.replace(_FILLED_IN, ""))


def _table(rows: Iterable[tuple[str, list[str], list[str]]]) -> Iterator[str]:
    yield "| code | what happened | what to do |\n|---|---|---|"
    for code, what, hints in rows:
        cells = ["<br>".join(each.replace("|", "/") for each in cell) for cell in (what, hints)]
        yield f"| `{code}` | {' | '.join(cells)} |"


def raised() -> dict[str, Told]:
    """By code, what the source says where it makes a failure."""
    found: dict[str, Told] = defaultdict(Told)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for code, what, hint in _made(ast.parse(path.read_text())):
                told = found[code]
                told.what |= dict.fromkeys(what)
                told.hints |= dict.fromkeys(hint)
                told.modules[path.relative_to(ROOT).as_posix()] = None
    return dict(sorted(found.items()))


def _made(module: ast.Module) -> Iterator[tuple[str, list[str], list[str]]]:
    """Code, messages and remedies of every failure that a module makes."""
    shared = {name: [value for _, value in each] for name, each in _assigned(module.body).items()}
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for function in [*functions, module]:
        own = {} if function is module else _assigned(ast.walk(function))
        for statement, call in _calls(function, module):
            given = _given(call)
            if given is None:
                continue
            names = shared | {name: _reaching(each, statement) for name, each in own.items()}
            for chosen in _sides(given):
                for code in _texts(chosen["code"], names):
                    if _FILLED_IN not in code:
                        hints = _texts(chosen.get("hint"), names)
                        yield code, _texts(chosen["what"], names), hints


def _calls(node: ast.AST, statement: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
    """The calls of a function that no function inside of it makes, each with its statement."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            continue
        within = child if isinstance(child, ast.stmt) else statement
        if isinstance(child, ast.Call):
            yield within, child
        yield from _calls(child, within)


def _sides(given: dict[str, ast.expr]) -> list[dict[str, ast.expr]]:
    """Where the code depends on a condition, the arguments on either side of it."""
    if not isinstance(given["code"], ast.IfExp):
        return [given]
    return [
        {key: getattr(each, side) if isinstance(each, ast.IfExp) else each for key, each in items}
        for items in [given.items()]
        for side in ("body", "orelse")
    ]


def _reaching(assigned: list[_Assigned], statement: ast.AST) -> list[ast.expr]:
    """What a name may hold at a statement: its last value there, or those of branches before."""
    line, column = getattr(statement, "lineno", 0), getattr(statement, "col_offset", 0)
    found: list[ast.expr] = []
    for assignment, value in sorted(assigned, key=lambda pair: -pair[0].lineno):
        if assignment.lineno <= line:
            found.insert(0, value)
            if assignment.col_offset <= column:
                break
    return found or [value for _, value in assigned]


def _given(call: ast.Call) -> dict[str, ast.expr] | None:
    """The arguments of a call that makes a failure; None of any other call."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    # Only what speaks of a host takes its remedy by position.
    given = dict(zip(("code", "what", "hint"), call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg}
    # An error that fills in its own code hands the rest to the class above it.
    makes = name.lower().endswith(_MAKERS) or (name == "__init__" and "hint" in given)
    return given if makes and {"code", "what"} <= given.keys() else None


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[_Assigned]]:
    """The statements that assign to each name, and what they assign."""
    found: dict[str, list[_Assigned]] = defaultdict(list)
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign) and node.value:
            targets = [node.target]
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for name, value in zip(names, values, strict=False):
                if isinstance(name, ast.Name) and len(names) == len(values):
                    found[name.id].append((node, value))
    return dict(found)


def _texts(node: ast.expr | None, names: Mapping[str, list[ast.expr]], depth: int = 0) -> list[str]:
    """Every text that an expression may be, ``...`` where the program fills something in."""
    match node:
        case ast.JoinedStr(values=parts):
            found = ["".join(_one(part, names, depth) for part in parts)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            after = _texts(right, names, depth)
            found = [a + b for a in _texts(left, names, depth) for b in after]
        case ast.IfExp(body=body, orelse=other):
            found = [*_texts(body, names, depth), *_texts(other, names, depth)]
        case ast.BoolOp(values=values):
            found = [text for value in values for text in _texts(value, names, depth)]
        case ast.Name(id=name) if name in names and depth < _DEEPEST:
            found = [text for each in names[name] for text in _texts(each, names, depth + 1)]
        case None | ast.Constant():
            value = getattr(node, "value", None)
            found = [value] if isinstance(value, str) else []
        case _:
            found = [_FILLED_IN]
    return found


def _one(part: ast.expr, names: Mapping[str, list[ast.expr]], depth: int) -> str:
    if isinstance(part, ast.FormattedValue):
        known = _texts(part.value, names, depth) if isinstance(part.value, ast.Name) else []
        return known[0] if len(known) == 1 else _FILLED_IN
    return str(part.value) if isinstance(part, ast.Constant) else _FILLED_IN

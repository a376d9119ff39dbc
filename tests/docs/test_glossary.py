"""One word, one thing: the glossary names types that are there, and no two types share a name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from itertools import chain

import pytest

from docs.generate import DOCS
from tests.conftest import CHECKOUT
from workloads.services import manifest

_PACKAGES = ("agent", "analysis", "bench", "bundle", "host", "ormlab", "plugins", "workloads")
# A public class name that several modules define, and why. Each is a debt or a convention: rename
# one of the classes, and take the line away.
ALLOWED = {
    "Answer": "of the contract's client, of the services, of a query, and of a check on paper",
    "Bodies": "as it works, and as its record in a bundle",
    "Burden": "as it works, and as its record in a bundle",
    "Cache": "a plan's setting, and the same setting as the service reads it from its own file",
    "Cell": "a workload under a load as gates see it, as results hold it, and of a table",
    "Client": "of each database, the document of the asyncio client, and the contract's own client",
    "Code": "the codes of bundles and of archives, and a report's block of code",
    "Column": "of a table that is shown, and of a table of samples",
    "Comparison": "as a plan asks for it, and as results answer it",
    "Database": "a service's settings, and the orchestrator's handle",
    "Difference": "a check of ledgers, and a step of the waterfall",
    "Document": "a file of a bundle, and a YAML document",
    "Effect": "the waterfall's, the pilot's, and the contract's effect in the database",
    "Ended": "a program that ended, and a task of Ansible",
    "Environment": "of a stack, and what is drawn for a block",
    "Explanation": "what a plan asks for, and its answer",
    "Facts": "a report's block, a host's facts, and how they are read",
    "Failure": "of an order, and its record in a bundle",
    "Figure": "a figure that was printed, and a figure of a report",
    "Finding": "of a gate, of a host's reading, of an archive, and of a stack",
    "Histogram": "of the client while it fills, and as gates read it",
    "Host": "a host at work, and what was read of it around a window",
    "Identity": "of a host, and whether two bundles name the same one",
    "Judged": "a host's reading and a comparison: each with its verdict",
    "Kernel": "the seam to the kernel, and what it counted",
    "Kill": "as planned, and as done",
    "Limit": "of a host's reading, and of a plan's gate",
    "Listing": "a report's block, and a manifest that was read",
    "LoadError": "of the lab's tree of errors, and of the client that runs on hosts without it",
    "Noise": "an estimate of the steadiness of a series, and the doctor's noise floor",
    "OpenLoop": "in the client that carries it out, and in its document",
    "Order": "to an agent, of the trials in a cell, and the rows of orders in each service",
    "Outcome": "of a knob, a stack, a check, and a plan of a reproduction",
    "Part": "of a report, a record, a ledger, and a trial on one of its hosts",
    "Place": "where readings are taken, where a subject was measured, and the hosts of a run",
    "Placement": "as a host plans it, and as its record in a bundle",
    "Plan": "as a type, and its digest and name in a bundle's record",
    "Pool": "a plan's setting, and the same setting as the service reads it from its own file",
    "Ports": "as asked, as settled, and as recorded",
    "Problem": "of a ledger, of a wrk dump, and of a bundle",
    "Process": "each client has its own",
    "Ratio": "a kind of claim, and a row of a chart",
    "Reading": "of a host, of a gate, of a wrk dump, and of a claim's condition",
    "Refusal": "why a host must not be touched, and an error that a service answers",
    "Request": "of a reproduction, and of a load",
    "Row": "of a catalog, and of a table that is shown",
    "Run": "of the stages, of claims, of the site, and of the article's client",
    "Sampler": "as it works, and as its record in a bundle",
    "Samples": "as it works, and as its record in a bundle",
    "Series": "one value a window, and one value a bundle",
    "Server": "of a database as orders name it, and as a bundle records it",
    "Service": "as its folder says, and as an agent has started it",
    "Shown": "a trial in a report, and an answer of the diagnosis",
    "Slice": "as inference takes it, and as its record in a bundle",
    "Source": "of a claim, of a checkout, and its record in a bundle",
    "Spec": "each client has its own",
    "Statement": "a claim in words, and a statement of SQL",
    "StatementLog": "as it works, and as its record in a bundle",
    "Step": "of an explanation, of a reproduction, and of a latency chart",
    "Stop": "of a waterfall, and of a service",
    "Store": "an object store, and the lab's memory of a host's settings",
    "Subject": "of a plan, of a ledger, and of results",
    "Table": "of a report, of requests (made and sent), and of rows in a service",
    "Task": "of the diagnosis, and of a playbook",
    "Text": "a report's paragraph, what wrk printed, and a field of the contract",
    "Topology": "without any library on a host, and as a bundle holds it",
    "Window": "as it works, and as its record in a bundle",
}


@cache
def classes():
    """The modules of each public class at the top of a module, by its name.

    The folders of services are worlds of their own: none imports another.
    """
    found = defaultdict(list)
    own = {each.folder for each in manifest.shipped().values()}
    for package in _PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            if path.parent in own:
                continue
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(path.relative_to(CHECKOUT).as_posix())
    return found


def test_no_public_class_name_means_two_things():
    twice = {name: modules for name, modules in classes().items() if len(modules) > 1}
    assert {name: twice[name] for name in twice.keys() - ALLOWED} == {}


@pytest.mark.parametrize("name", ALLOWED)
def test_an_exception_is_still_needed(name):
    assert len(classes()[name]) > 1, f"{name} means one thing by now: take it off the list"


GLOSSARY = (DOCS / "glossary.md").read_text()
_ROW = re.compile(r"^\| \*\*(.+?)\*\* \|.+\| \[`?(.+?)`?\]\(\.\./(.+?)\) \|$", re.MULTILINE)


@pytest.mark.parametrize(("word", "name", "file"), _ROW.findall(GLOSSARY))
def test_a_word_is_defined_where_the_glossary_says(word, name, file):
    path = CHECKOUT / file
    if path.suffix == ".py":
        assert name in set(defined(path)), f"{word}: {file} does not define {name}"
    else:
        assert name == path.name


def defined(path):
    """The names that a module defines at its top."""
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                yield node.name
            case ast.TypeAlias(name=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def test_the_glossary_has_every_word_once_and_each_table_in_order():
    tables = [
        re.findall(r"^\| \*\*(.+?)\*\* ", part, re.MULTILINE) for part in GLOSSARY.split("\n## ")
    ]
    assert sum(map(len, tables)) == len(_ROW.findall(GLOSSARY)) == len(set(chain(*tables)))
    for words in tables:
        assert words == sorted(words)

"""Which path of a bundle holds a document of which type, and the JSON Schemas of these types.

`verify` reads documents by their types. The schemas beside this file say the same to other
programs; `make docs` writes them.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple, get_args

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from bundle.documents import explanation, host, plan, profilers, results, services, verdicts
from bundle.format import BundleRecord, IndexLine, Provenance, Seal, TrialRecord
from bundle.generators import GENERATORS, GeneratorReport

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NEVER: Final = r"(?!)"


class Described(NamedTuple):
    """A type of documents, and the paths of a bundle that hold one."""

    name: str  #: name of the schema's file, without its suffix
    kind: Any  #: the type, or an alias of one
    paths: str  #: pattern of the whole path
    required: str | None = None  #: the path at which a bundle must hold one; None if it need not


# The folder of the only host, or of one of several.
_HOST: Final = r"host/(host-[0-9]+/)?"
_AGAIN: Final = r"resumed-[0-9]+/"
_LEFT: Final = r"(trials|generators)/[^/]+/"


def _left(report: type[GeneratorReport]) -> Described:
    """What a generator leaves in a trial, and of its floor."""
    schema = next(key for key in msgspec.structs.fields(report) if key.name == "schema")
    (name,) = get_args(schema.type)
    return Described(name.replace("/", "-"), report, _LEFT + re.escape(report.PATH))


# The first entry that matches a path counts.
DOCUMENTS: Final = (
    Described("bundle-1", BundleRecord, r"bundle\.json", "bundle.json"),
    Described("seal-1", Seal, r"SEAL\.json", "SEAL.json"),
    Described("resolved-plan-1", plan.SealedPlan, r"inputs/plan\.yaml", "inputs/plan.yaml"),
    Described("source-1", host.Source, r"inputs/source\.json", "inputs/source.json"),
    Described("rerun-1", host.Rerun, r"inputs/rerun\.json"),
    Described("fleet-run-1", host.FleetRun, r"inputs/fleet\.json"),
    Described("service-1", services.ServiceRecord, r"inputs/services/[^/]+\.json"),
    Described(
        "host-facts-1",
        host.HostFacts,
        rf"{_HOST}(facts\.(before|after)|{_AGAIN}facts)\.json",
        "host/facts.before.json",
    ),
    Described(
        "host-readings-1",
        host.HostReadings,
        rf"{_HOST}(readings\.(before|after)|{_AGAIN}readings)\.json",
    ),
    Described(
        "fingerprint-1", host.Fingerprint, r"host/fingerprint\.json", "host/fingerprint.json"
    ),
    Described(
        "dataset-1",
        host.Seeded,
        r"(host|services/[^/]+)/dataset\.json",
        "host/dataset.json",
    ),
    Described("postgres-1", host.Server, r"host/(postgres|[a-z0-9_]+-server)\.json"),
    Described("drift-1", host.Drift, rf"{_HOST}drift\.json"),
    Described("ports-1", host.Ports, rf"{_HOST}({_AGAIN})?ports\.json"),
    Described("provision-1", host.Provision, r"host/provision/[^/]+\.json"),
    Described("statement-log-1", services.StatementLog, r"host/statement-log\.json"),
    Described("stack-1", services.StackOutcome, r"services/[^/]+/stack\.json"),
    Described("made-schema-1", services.SchemaOutcome, r"services/[^/]+/made-schema\.json"),
    Described("script-1", services.ScriptOutcome, r"services/[^/]+/script-[^/]+\.json"),
    Described("contract-1", services.ContractOutcome, r"services/[^/]+/contract\.json"),
    Described("sql-1", services.Sql, r"services/[^/]+/sql\.json"),
    Described("effects-1", services.Effects, r"services/[^/]+/effects\.json"),
    Described("answers-1", services.Answers, r"services/[^/]+/answers\.json"),
    Described("profilers-1", profilers.Profilers, r"services/[^/]+/profilers\.json"),
    Described(
        "order-1",
        services.OrderOutcome,
        r"services/[^/]+/(check|diagnosis)\.json|generators/[^/]+/floor\.json",
    ),
    Described("trial-1", TrialRecord, r"trials/[^/]+/trial\.json"),
    *(_left(generator.report) for generator in GENERATORS.values()),
    Described("results-2", results.Results, r"derived/results\.json"),
    Described("explanation-2", explanation.Explanation, r"derived/explanation\.json"),
    Described("verdicts-2", verdicts.Verdicts, r"derived/verdicts\.json"),
    Described("derived-1", Provenance, _NEVER),  # the first line of derived/DERIVED.sha256
    Described("index-1", IndexLine, _NEVER),  # each line of index.jsonl, which is in no bundle
)


# Files of a bundle that no schema describes. Any other file is a doubt of the verification.
_KEPT: Final = "|".join(
    re.escape(name).replace(r"\*", "[^/]+") for each in GENERATORS.values() for name in each.kept
)
_PROFILED: Final = "|".join(
    map(
        re.escape,
        (*profilers.STACKS.values(), *profilers.PICTURES.values(), profilers.CALLGRIND),
    )
)
_FILES: Final = re.compile(
    r"README\.md|MANIFEST\.sha256|SEAL\.json\.sig|ro-crate-metadata\.json"
    r"|derived/(DERIVED\.sha256|ledger\.yaml)"
    r"|inputs/(claims\.yaml|inventory\.redacted\.yml|source\.patch)"
    r"|inputs/services/[^/]+/.+"
    r"|inputs/locks/([^/]+\.(txt|toml|in)|wheels/[^/]+/[^/]+\.whl)"
    r"|host/((host-[0-9]+/)?[^/]+\.log\.zst|provision/[^/]+\.zst)"
    r"|services/[^/]+/(samples/[^/]+\.http|[^/]+\.log\.zst|schema\.sql)"
    rf"|services/[^/]+/profilers/({_PROFILED})"
    rf"|{_LEFT}([^/]+\.(log\.zst|stderr\.txt\.zst)|{_KEPT}|(samples|resources)\.parquet)"
)


def is_known(path: str) -> bool:
    """Whether the format has a place for a file of this path that no schema describes."""
    return _FILES.fullmatch(path) is not None


def of_path(path: str) -> Described | None:
    """Return what a path of a bundle holds, or None if no schema describes it."""
    return next((each for each in DOCUMENTS if re.fullmatch(each.paths, path)), None)


def pages() -> dict[str, str]:
    """The text of every schema by the name of its file."""
    return {
        f"{each.name}.schema.json": json.dumps(of(each.kind), indent=1) + "\n" for each in DOCUMENTS
    }


def of(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a type, or an alias of one
    """Return the schema of a type: no key is allowed that it does not know."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {"$schema": DIALECT, **_plain(kind.model_json_schema(schema_generator=_Untitled))}
    (schema,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    inner = parts.pop(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema
    return {"$schema": DIALECT, **_plain(inner | ({"$defs": parts} if parts else {}))}


class _Untitled(GenerateJsonSchema):
    """Omits titles, which only repeat the names of keys."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's name
        """Never."""
        return False


def _plain(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep first lines of docstrings, require the key ``schema``, write anchors as ECMA-262 does.

    The key ``schema`` has a default in the type, for whoever makes a document, but a document
    must have it.
    """
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items()}
    if isinstance(plain.get("description"), str):
        plain["description"] = plain["description"].partition("\n")[0]
    if isinstance(plain.get("pattern"), str):
        plain["pattern"] = plain["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    if isinstance(plain.get("properties"), dict) and "schema" in plain["properties"]:
        required = {"schema", *plain.get("required", ())}
        plain["required"] = sorted(required, key=list(plain["properties"]).index)
    return plain

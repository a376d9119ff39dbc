"""Requests drawn from the OpenAPI description: valid ones, and such with one thing wrong."""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from tests.contract.description import DOCUMENT, resolved
from tests.services.parts import DATASET

# Most numbers are small: a page of many users may cost as many queries.
_FEW, _ROWS = 20, DATASET.users + 10
_SHORT = 80  # characters of most texts


class Drawn(NamedTuple):
    """One request."""

    method: str
    path: str  #: with the query
    body: bytes | None
    statuses: frozenset[int]  #: that the description has for the operation
    wrong: str  #: the part of the request with which something is wrong; empty if nothing is


def fitting(schema):
    """The values that a schema of the description allows."""
    schema = resolved(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "integer":
            least, greatest = schema["minimum"], schema.get("maximum", 2**63)
            sizes = (_FEW, _FEW, _ROWS, greatest - least)
            spans = (st.integers(least, min(least + size, greatest)) for size in sizes)
            return st.one_of(*spans, st.sampled_from((least, greatest)))
        case "string" if schema.get("format") == "date-time":
            # Without the first second of the first year.
            whole = st.datetimes().map(lambda when: f"{when.replace(microsecond=0).isoformat()}Z")
            return whole.filter(lambda text: text != "0001-01-01T00:00:00Z")
        case "string":
            return _texts(schema["minLength"], schema["maxLength"])
        case "object":
            known = {name: fitting(part) for name, part in schema["properties"].items()}
            needed = {name: known[name] for name in schema.get("required", ())}
            rest = {name: part for name, part in known.items() if name not in needed}
            objects = st.fixed_dictionaries(needed, optional=rest)
            return objects.filter(lambda made: len(made) >= schema.get("minProperties", 0))
    raise ValueError(f"nothing is drawn of {schema}")


def _texts(shortest, longest):
    most = min(longest, _SHORT)
    some = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=shortest)
    edges = st.sampled_from([size for size in {shortest, longest} if size]).map("x".__mul__)
    return (
        some.map(lambda text: text[:most]) | st.uuids().map(lambda made: str(made)[:most]) | edges
    )


def breaking(schema):
    """Values that a schema of the description refuses."""
    schema = resolved(schema)
    alien = [None, True, 1.5, [], {}, [1], {"a": 1}]
    if "enum" in schema:
        return st.sampled_from([each.upper() for each in schema["enum"]] + [""])
    match schema["type"]:
        case "integer":
            beyond = [schema["minimum"] - 1]
            beyond += [schema["maximum"] + 1, 2**63, 2**64] if "maximum" in schema else []
            return st.sampled_from([*beyond, "1", "", *alien])
        case "string" if schema.get("format") == "date-time":
            fits = re.compile(schema["pattern"]).fullmatch
            texts = st.text(max_size=30).filter(lambda text: not fits(text))
            return texts | st.sampled_from(
                ["2024-02-30T00:00:00Z", "2024-01-01T00:00:00+00:00", 0, *alien]
            )
        case "string":
            lengths = [schema["minLength"] - 1, schema["maxLength"] + 1]
            odd = ["x" * length for length in lengths if length >= 0]
            return st.sampled_from([*odd, "\0", "a\0b", 0, *alien])
        case "object":
            return st.sampled_from([None, True, 0, "text", [], [{}]]) | _broken_objects(schema)
    raise ValueError(f"nothing is drawn of {schema}")


@st.composite
def _broken_objects(draw, schema):
    made = dict(draw(fitting(schema)))
    match draw(st.sampled_from(["value", "more", *(["less"] if schema.get("required") else [])])):
        case "value":
            name = draw(st.sampled_from(list(schema["properties"])))
            made[name] = draw(breaking(schema["properties"][name]))
        case "more":
            made[draw(st.sampled_from(["id", "colour", "", "Total"]))] = 1
        case "less":
            del made[draw(st.sampled_from(schema["required"]))]
    return made


_ODD_IDS = st.sampled_from(["one", "-1", "1.0", "+1", "%00", "1 ", "", "0x1", "1e3", "null"])
_TEMPLATE = re.compile(r"\{\w+\}")
_OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters" and operation["operationId"] != "health"
]


@st.composite
def requests(draw):
    """Requests for every operation but ``health``, whose answer differs from service to service."""
    path, method, operation = draw(st.sampled_from(_OPERATIONS))
    parts = ["", "", "query"]
    parts += ["path"] if "{" in path else []
    parts += ["body", "body"] if "requestBody" in operation else []
    wrong = draw(st.sampled_from(parts))
    identifiers = (
        _ODD_IDS if wrong == "path" else fitting({"$ref": "#/components/parameters/Id/schema"})
    )
    path = _TEMPLATE.sub(lambda _: quote(str(draw(identifiers)), safe="%"), path)
    pairs = draw(_queries(operation.get("parameters", ()), is_odd=wrong == "query"))
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        value = draw((breaking if wrong == "body" else fitting)(schema))
        body = json.dumps(value, ensure_ascii=draw(st.booleans())).encode()
    query = f"?{urlencode(pairs)}" if pairs else ""
    statuses = frozenset(map(int, operation["responses"]))
    return Drawn(method.upper(), path + query, body, statuses, wrong)


@st.composite
def _queries(draw, parameters, *, is_odd):
    """The pairs of a query: what must be there, some of the rest, and one odd pair if asked."""
    known = {each["name"]: each for each in map(resolved, parameters)}
    pairs = [
        (name, str(draw(fitting(each["schema"]))))
        for name, each in known.items()
        if each.get("required") or draw(st.booleans())
    ]
    if is_odd:
        if pairs and draw(st.booleans()):
            pairs.append(draw(st.sampled_from(pairs)))  # which stands twice
        elif known and draw(st.booleans()):
            name = draw(st.sampled_from(list(known)))
            value = draw(breaking(known[name]["schema"]))
            pairs = [pair for pair in pairs if pair[0] != name] + [(name, _odd_text(value))]
        else:
            pairs.append((draw(st.sampled_from(["page", "Limit", "", "limit[]"])), "1"))
    return draw(st.permutations(pairs))


def _odd_text(value):
    """A text that is no number of a query, whatever JSON would make of it."""
    return str(value) if isinstance(value, int | str) and value != "1" else "odd"

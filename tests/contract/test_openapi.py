"""openapi.yaml, the fields as data and the cases say the same."""

import re

import pytest
from openapi_spec_validator import validate

from tests.contract.description import DOCUMENT, resolved
from tests.services.parts import DATASET
from workloads.contract import fields
from workloads.contract.suite import all_cases

SCHEMAS = DOCUMENT["components"]["schemas"]
CASES = all_cases(DATASET)
OPERATION_IDS = {
    operation["operationId"]
    for item in DOCUMENT["paths"].values()
    for method, operation in item.items()
    if method != "parameters"
}


def route_of(path):
    """The path of the document that a request's path belongs to, or None."""
    bare = path.split("?")[0]
    for route in DOCUMENT["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), bare):
            return route
    return None


def test_it_is_valid():
    validate(DOCUMENT)


@pytest.mark.parametrize(
    ("known", "names"),
    [
        (fields.USER, ("User", "NewUser", "UserChanges")),
        (fields.ORDER, ("Order", "NewOrder", "OrderChanges")),
    ],
)
def test_its_limits_and_key_order_are_those_of_the_fields(known, names):
    for name in names:
        properties = dict(SCHEMAS[name]["properties"])
        properties.pop("id", None)
        assert list(properties) == list(known)
        for key, field in known.items():
            schema = resolved(properties[key])
            match field:
                case fields.Text(shortest, longest):
                    assert (schema["type"], schema["minLength"]) == ("string", shortest)
                    assert schema["maxLength"] == longest
                case fields.Integer(least, greatest):
                    assert (schema["type"], schema["minimum"]) == ("integer", least)
                    assert schema["maximum"] == greatest
                case fields.Instant():
                    assert schema["format"] == "date-time"
    row, new, changes = (SCHEMAS[name] for name in names)
    assert row["required"] == ["id", *known]
    assert new["required"] == list(known)
    assert changes["minProperties"] == 1
    assert [each["additionalProperties"] for each in (row, new, changes)] == [False] * 3


def test_its_parameters_are_those_of_the_fields():
    limit = DOCUMENT["components"]["parameters"]["Limit"]["schema"]
    assert (limit["minimum"], limit["maximum"]) == (1, fields.MAX_LIMIT)
    assert limit["default"] == fields.DEFAULT_LIMIT
    loading = DOCUMENT["paths"]["/users-with-orders"]["get"]["parameters"][0]
    assert loading["schema"]["enum"] == list(fields.LOADINGS)


def test_its_operations_are_those_of_the_loads():
    assert {*fields.OPERATIONS, "health"} == OPERATION_IDS


def test_every_answer_it_lists_has_a_case_and_every_case_is_listed():
    # 405 stands beside a method that exists, for all that do not.
    listed = {
        (route, "any" if status == "405" else method, int(status))
        for route, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for status in operation["responses"]
    }
    tried = {
        (route, "any" if case.status == 405 else case.method.lower(), case.status)
        for case in CASES
        if (route := route_of(case.path)) is not None
    }
    assert tried | {("/health", "get", 200)} == listed


def test_every_parameter_and_field_has_a_refused_case():
    for noun, known in (("user", fields.USER), ("order", fields.ORDER)):
        for operation in (f"create-{noun}", f"update-{noun}"):
            refused = {case.name for case in CASES if case.status == 422}
            for name in known:
                assert any(each.startswith(f"{operation}:{name}-") for each in refused)
    unrouted = [case for case in CASES if route_of(case.path) is None]
    assert {case.status for case in unrouted} == {404}


def test_names_of_cases_are_unique_and_begin_with_their_operation():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    loose = {"wrong-method", "no-such-path"}
    ways = {f"users-with-orders-{way}" for way in fields.LOADINGS}
    assert {name.split(":")[0] for name in names} - ways - loose <= OPERATION_IDS

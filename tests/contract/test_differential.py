"""The same odd requests to every service, under both frameworks and both JSON libraries.

All of them answer with the same status and the same bytes, never with 500, and their databases hold
the same rows in the end. What the right answer is, the contract's cases say; here no service may
differ from the others, whatever is asked. Nobody asks a service for what its manifest says that it
cannot do. ``make test-fuzz`` sends 5,000 requests drawn from the OpenAPI description;
``ORMLAB_FUZZ`` and ``ORMLAB_FUZZ_SEED`` set their number and their seed.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import cycle

import pytest
from hypothesis import HealthCheck, example, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.contract.drawn import requests
from tests.services.running import SERVICES, SHARED, settings, started
from workloads.contract.client import Client
from workloads.contract.fields import (
    LOADINGS,
    MAX_BODY_BYTES,
    OPERATIONS,
    ORDER_COLUMNS,
    USER_COLUMNS,
)
from workloads.services import manifest

# Every service that there is; those that run on the stacks of the lab under FastAPI as well.
SUBJECTS = tuple(
    {"service": service, "framework": framework, "json": library}
    for framework, services in (("aiohttp", SERVICES), ("fastapi", SHARED))
    for service, library in zip(services, cycle(("stdlib", "orjson")))
)
VALID = {
    "users": {"username": "name", "email": "mail", "profile": "", "created_at": "2025-02-28"},
    "orders": {"user_id": 1, "total": 5, "status": "new", "created_at": "2025-02-28"},
}


CHANGES = {"POST": "create", "PATCH": "update", "DELETE": "delete"}
WRITES = {name for name in OPERATIONS if name.partition("-")[0] in CHANGES.values()}


def needs(method, path):
    """The names by which a service may say that it cannot do what a request could ask for."""
    first = path.partition("?")[0].strip("/").partition("/")[0]
    if first == "users-with-orders":
        return {first, *LOADINGS}  # odd parameters may choose any of them
    noun = first.removesuffix("s")
    if method in CHANGES:
        return {f"{CHANGES[method]}-{noun}"}
    return {f"read-{noun}", f"list-{first}", "user-orders"}


@dataclass
class Services:
    """One process for each subject, each with a database of its own.

    Attributes:
        cannot: what each of them says that it cannot do.
    """

    ports: list[int]
    clients: list[Client]
    databases: list[str]
    cannot: list[frozenset[str]]
    answered: int = field(default=0)

    def able(self, needed):
        """The positions of the services that can do all that is needed."""
        return [at for at, lacks in enumerate(self.cannot) if lacks.isdisjoint(needed)]

    def ask(self, method, path, body, headers):
        """The one answer of all services that can give it.

        Raises:
            AssertionError: they differ, or it is none of the contract's.
        """
        answers = []
        for at in self.able(needs(method, path)):
            answer = self.clients[at].send(method, path, body, headers)
            answers.append((answer.status, answer.header("Allow"), answer.body))
        assert answers == answers[:1] * len(answers)
        assert answers[0][0] in {200, 201, 204, 400, 404, 405, 409, 413, 415, 422}
        self.answered += 1
        return answers[0]


@pytest.fixture(scope="module")
def services(psql, fresh_clone, tmp_path_factory):
    pytest.importorskip("orjson", reason="not in this environment; in every stack `current`")
    folder = tmp_path_factory.mktemp("differential")
    databases = [fresh_clone() for _ in SUBJECTS]
    with ExitStack() as stack:
        pairs = zip(SUBJECTS, databases, strict=True)
        processes = [
            stack.enter_context(started(folder, settings(psql, database, **subject)))
            for subject, database in pairs
        ]
        for running in processes:
            running.await_ready()
        clients = [stack.enter_context(Client(running.url)) for running in processes]
        known = manifest.shipped()
        cannot = [frozenset(known[subject["service"]].manifest.cannot) for subject in SUBJECTS]
        yield Services([running.port for running in processes], clients, databases, cannot)
        assert [running.stderr.count("500") for running in processes] == [0] * len(SUBJECTS)


def same_rows(psql, services):
    """Whether all databases whose services can write everything hold the same rows."""
    sums = "".join(
        f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t;"
        for table in ("users", "orders")
    )
    databases = [services.databases[at] for at in services.able(WRITES)]
    return len({psql.run(sums, database=database) for database in databases}) == 1


def test_a_service_is_not_asked_for_what_it_says_that_it_cannot_do(services):
    every = list(range(len(SUBJECTS)))
    assert services.able(WRITES) == every  # of the lab's own, all can
    cannot = [frozenset({"join", "update-user"}), *services.cannot[1:]]
    limited = replace(services, cannot=cannot)
    asked = [
        ("GET", "/users-with-orders?loading=%6aoin", every[1:]),
        ("PATCH", "/users/1", every[1:]),
        ("PATCH", "/orders/1", every),
        ("POST", "/users", every),
        ("GET", "/users/1/orders?limit=3", every),
    ]
    for method, path, able in asked:
        assert limited.able(needs(method, path)) == able
    assert limited.able(WRITES) == every[1:]


# Fragments of JSON, most of them valid, put together to bodies of which every second is.
NUMBERS = st.sampled_from(
    (
        *("0", "1", "-1", "-0", "-0.0", "1.0", "1e0", "1E2", "01", "+1", "1.", ".5", "0x1", "1_0"),
        *("2147483647", "2147483648", "9223372036854775808", "18446744073709551616"),
        *("1e400", "-1e400", "1e-400", "1.8e308", "1e308", "1" * 308, "1" * 309, "1" * 5000),
        *("NaN", "Infinity", "-Infinity", "nan", "true", "null", "[]", "{}", '"1"', '[{"a":1}]'),
        *("[" * depth + "]" * depth for depth in (2, 98, 99, 100, 101, 1000, 1100, 50_000)),
    )
)
ESCAPES = st.sampled_from(
    (
        *(r"\u0000", r"\ud800", r"\udc00\ud800", r"\ud83d\ude00", r"\\ud800", r"\x41", r"\u12"),
        *(r"\"", r"\/", "\n", "\x00", "\x1f", "\x7f", "\ufeff", "\u2028", "\udcff", "[{" * 60),
    )
)
TEXTS = st.one_of(
    st.text(max_size=60).map(json.dumps),
    st.text(st.characters(exclude_characters='"\\'), max_size=110).map('"{}"'.format),
    st.lists(ESCAPES | st.just("a"), max_size=3).map("".join).map('"{}"'.format),
)
INSTANTS = st.one_of(
    st.datetimes().map(lambda when: f'"{when:%Y-%m-%dT%H:%M:%S}Z"'),
    st.sampled_from(
        (
            *("0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z", "0000-12-31T00:00:00Z"),
            *("0999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z"),
            *("2016-12-31T23:59:60Z", "1900-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            *("2024-01-01T24:00:00Z", "2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00z"),
            *("2024-01-01T00:00:00.0Z", "1582-10-10T00:00:00Z", "infinity", "now"),
        )
    ).map('"{}"'.format),
)
VALUES = st.one_of(NUMBERS, TEXTS, INSTANTS, st.integers().map(str), st.floats().map(repr))
KEYS = st.sampled_from((*USER_COLUMNS, *ORDER_COLUMNS, "colour", "", r"\u0000", r"\ud800", "é"))
SUITED = {
    "username": TEXTS | st.uuids().map('"{}"'.format),
    "email": TEXTS | st.uuids().map('"{}"'.format),
    "profile": TEXTS,
    "status": TEXTS,
    "created_at": INSTANTS,
    "user_id": st.sampled_from(("1", "300", "999999", "0")),
    "total": NUMBERS,
}
ENDS = st.sampled_from(
    ("", "", "", "", " \r\n\t", "\x0b", "\x00", "\ufeff", "{}", "}", ",", "\udcff")
)


@st.composite
def objects(draw):
    """A JSON object of suitable members and some others."""
    table = draw(st.sampled_from(tuple(VALID)))
    odd = draw(st.sets(st.sampled_from((*VALID[table], "nothing")), max_size=1))
    members = []
    for name, value in VALID[table].items():
        if name in odd:
            members.append(f'"{name}":{draw(SUITED[name])}')
        elif name == "created_at":
            members.append(f'"{name}":"{value}T00:00:00Z"')
        elif name in {"username", "email"}:
            members.append(f'"{name}":"{draw(st.uuids())}"')
        else:
            members.append(f'"{name}":{json.dumps(value)}')
    if draw(st.booleans()):
        members = draw(st.permutations(members))[: draw(st.integers(0, len(members)))]
        members += [f'"{draw(KEYS)}":{draw(VALUES)}' for _ in range(draw(st.integers(0, 2)))]
    return "{" + ",".join(members) + "}"


BODIES = st.builds(
    lambda before, text, after: f"{before}{text}{after}".encode("utf-8", "surrogateescape"),
    ENDS,
    objects() | objects() | objects() | VALUES,
    ENDS,
)
IDS = st.sampled_from(
    (
        *("1", "7", "300", "1200", "1250", "0001", "%31", "0", "00000000000000000001"),
        *("2147483647", "2147483648", "9223372036854775808", "9" * 400, "-1", "+1", "-0", "1.0"),
        *("one", "%00", "1%00", "%D9%A1", "%FF", "%zz", "%", "1%2F2", "%7B", "{id}", "1;x", "1%20"),
        *(".", "..", "%2e%2e", "1_0", "", "1/", "1/orders", "1%2Forders", "1/orders/1", "@", "&"),
    )
)
PARAMETERS = st.tuples(
    st.sampled_from(("limit", "offset", "loading", "page", "Limit", "%6cimit", "", "%FF", "x[]")),
    st.sampled_from(
        (
            *("", "=", "=1", "=3", "=0", "=1000", "=1001", "=0001", "=00000000001", "=+1", "=%2B1"),
            *("=-1", "=%D9%A1", "=1.0", "=1e1", "=1;offset=2", "==1", "=%FF", "=join", "=lazy"),
            *("=prefetch", "=eager", "=2147483647", "=2147483648", "=1%00", "=%31"),
        )
    ),
).map("".join)
QUERIES = st.lists(PARAMETERS, max_size=3).map(lambda given: "?" + "&".join(given) if given else "")
PATHS = st.one_of(
    st.sampled_from(("/users", "/orders", "/users-with-orders", "/users-with-orders", "/users/2")),
    st.builds("/{}/{}".format, st.sampled_from(("users", "orders", "Users", "users%2F1", "")), IDS),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            (
                *("application/json", "Application/JSON; charset=latin-1", "application/json;x"),
                *("text/plain", "application/x-www-form-urlencoded", "application/x+json", ";", ""),
            )
        ),
        "Content-Encoding": st.sampled_from(
            ("identity", "Identity", "", "gzip", "deflate", "br", "zstd", "odd", "gzip, gzip")
        ),
        "Expect": st.sampled_from(("100-continue", "the-odd", "")),
        "Accept": st.sampled_from(("text/html", "*/*;q=0")),
        "X-HTTP-Method-Override": st.just("DELETE"),
    },
)
PLAIN = st.just({})
METHODS = st.sampled_from(
    ("GET", "GET", "POST", "POST", "PATCH", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE")
)
GZIPPED = gzip.compress(b'{"profile":"p"}')


@hypothesis_settings(max_examples=250, derandomize=True, database=None)
@given(
    asked=st.builds("{} {}{}".format, METHODS, PATHS, st.just("") | QUERIES),
    body=st.none() | BODIES | BODIES,
    headers=PLAIN | PLAIN | HEADERS,
)
@example("PATCH /users/2", b'{"profile":"p"}', {"Content-Encoding": "gzip"})
@example("PATCH /users/2", GZIPPED, {"Content-Encoding": "gzip"})
@example("GET /users/2", b"plain", {"Content-Encoding": "gzip"})
@example("PUT /users/2", b"plain", {"Content-Encoding": "br"})
@example("PATCH /users/2", b'{"created_at":"0001-01-01T00:00:00Z"}', {})
@example("PATCH /users/2", b'{"created_at":"0001-01-01T00:00:01Z"}', {})
@example("PATCH /orders/2", b'{"total":1e400,"total":1}', {})
@example("PATCH /orders/2", b'{"total":' + b"1" * 400 + b"}", {})
@example("PATCH /orders/2", b'{"total":' + b"[" * 2000 + b"]" * 2000 + b"}", {})
@example("PATCH /orders/2", rb'{"status":"\ud800","status":"s"}', {})
@example("PATCH /orders/x", b"{", {})
@example("POST /users", b" " * (MAX_BODY_BYTES - 2) + b"{}", {})
@example("POST /users", b" " * (MAX_BODY_BYTES - 1) + b"{}", {})
def test_every_service_gives_the_same_answer(services, asked, body, headers):
    services.ask(*asked.split(" ", 1), body, headers)


@hypothesis_settings(max_examples=150, derandomize=True, database=None)
@given(path=st.sampled_from(("/users", "/orders", "/users/2", "/orders/2")), body=BODIES)
def test_every_service_reads_a_body_in_the_same_way(services, path, body):
    services.ask("POST" if path.count("/") == 1 else "PATCH", path, body, {})


@hypothesis_settings(max_examples=75, derandomize=True, database=None)
@given(
    path=st.sampled_from(("/users", "/orders", "/users/1/orders", "/users/x/orders"))
    | st.just("/users-with-orders"),
    query=QUERIES,
)
def test_every_service_reads_a_query_in_the_same_way(services, path, query):
    services.ask("GET", path + query, None, {})


FUZZ = int(os.environ.get("ORMLAB_FUZZ", "200"))
FUZZ_SEED = int(os.environ.get("ORMLAB_FUZZ_SEED", "1"))
BY_THE_ROWS = {404, 409}  # refusals of requests that are valid


def test_every_service_answers_as_the_description_says(psql, services):
    statuses = Counter()

    @seed(FUZZ_SEED)
    @hypothesis_settings(
        max_examples=FUZZ, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(drawn=requests())
    def ask(drawn):
        status, _, _ = services.ask(drawn.method, drawn.path, drawn.body, {})
        statuses[status] += 1
        assert status in drawn.statuses | {405}
        if drawn.wrong:
            assert status >= 400
        else:
            assert status < 400 or status in BY_THE_ROWS

    ask()
    assert statuses.total() >= FUZZ
    assert same_rows(psql, services)
    told = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    sys.stdout.write(f"seed {FUZZ_SEED}, to each of {len(SUBJECTS)} services: {told}\n")


# What an HTTP client will not send. The last is what follows the head.
HEAD = "Host: x\r\nContent-Type: application/json\r\n"
RAW = {
    "chunked": ("Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n", 422),
    "no-chunk": ("Transfer-Encoding: chunked", b"0\r\n\r\n", 400),
    "no-size-of-a-chunk": ("Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "chunk-longer-than-said": ("Transfer-Encoding: chunked", b"1\r\n{}\r\n0\r\n\r\n", 400),
    "chunks-too-large": (
        "Transfer-Encoding: chunked",
        (b"40000\r\n" + b" " * 0x40000 + b"\r\n") * 5 + b"0\r\n\r\n",
        413,
    ),
    "other-transfer-encoding": ("Transfer-Encoding: gzip", b"{}", 400),
    "both-lengths": ("Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n", 400),
    "length-is-a-word": ("Content-Length: two", b"{}", 400),
    "length-is-negative": ("Content-Length: -2", b"{}", 400),
    "length-is-signed": ("Content-Length: +2", b"{}", 400),
    "length-is-endless": ("Content-Length: 99999999999999999999", b"{}", 400),
    "two-lengths": ("Content-Length: 2\r\nContent-Length: 3", b"{} ", 400),
    "no-length": ("Accept: */*", b"", 400),
    "expectation": ("Expect: 100-continue\r\nContent-Length: 2", b"{}", 422),
}


def answer_to(port, raw):
    """The status of the answer to bytes over a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(raw)
        response = http.client.HTTPResponse(connection, method="POST")
        response.begin()
        return response.status


@pytest.mark.parametrize("name", RAW)
def test_every_service_reads_the_length_of_a_body_in_the_same_way(services, name):
    headers, rest, status = RAW[name]
    raw = f"POST /users HTTP/1.1\r\n{HEAD}{headers}\r\n\r\n".encode() + rest
    asked = services.able(needs("POST", "/users"))
    assert [answer_to(services.ports[at], raw) for at in asked] == [status] * len(asked)


def test_all_databases_hold_the_same_rows_in_the_end(psql, services):
    valid = VALID["users"] | {"created_at": "2025-02-28T00:00:00Z"}
    body = json.dumps(valid).encode()
    assert services.ask("POST", "/users", body, {})[0] in {201, 409}
    assert same_rows(psql, services)

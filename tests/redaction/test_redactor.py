"""What is replaced, and what only looks like it."""

from __future__ import annotations

import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from agent import owner
from bundle.codec import plain
from ormlab.run.measure.redaction import KINDS, Redactor, declared
from ormlab.run.measure.site import _values

KNOWN = {
    "secret": ["hunter2-hunter2"],
    "lab folder": ["/srv/alice/lab"],
    "checkout": ["/srv/alice"],
    "home folder": ["/home/alice", "/"],
    "address": ["192.0.2.7", "2001:db8::7", "02:fc:00:00:0a:99", "127.0.0.1"],
    "name": ["bench-7", "alice", "service", "root", "vm", "c.d+e"],
}
REDACTOR = Redactor().knowing(KNOWN)


def clean(text, path="host/x.txt"):
    return REDACTOR.clean(path, text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("at /srv/alice/lab/runs/1", "at [redacted lab folder]/runs/1"),
        ("at /srv/alice/x.py:7", "at [redacted checkout]/x.py:7"),
        ("file:///home/alice/.netrc", "file://[redacted home folder]/.netrc"),
        ("alice@bench-7:~$", "[redacted name]@[redacted name]:~$"),
        ("BENCH-7.example.org", "[redacted name].example.org"),
        ("to 192.0.2.7:5432.", "to [redacted address]:5432."),
        ("[2001:DB8::7]:80", "[[redacted address]]:80"),
        ("02:fc:00:00:0a:99", "[redacted address]"),
        ("postgresql://u:hunter2-hunter2@h", "postgresql://u:[redacted secret]@h"),
        ("postgresql://u:another1@h/d", "postgresql://[redacted secret]@h/d"),
        ("with ghp_" + 40 * "a" + ".", "with [redacted secret]"),
        ("-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n", "[redacted secret]\n"),
        ("-----BEGIN PRIVATE KEY-----\nMII\n: it ended", "[redacted secret]: it ended"),
        ("PGPASSWORD=abcdef psql", "[redacted secret] psql"),
        ("by c.d+e, not by cxd+e", "by [redacted name], not by cxd+e"),
        (
            "'alice', \"alice\", (alice)",
            "'[redacted name]', \"[redacted name]\", ([redacted name])",
        ),
    ],
)
def test_what_tells_whose_host_it_is_gives_way_to_a_word(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "/srv/alice2/x /home/alice-old a/home/alices",
        "192.0.2.70 1192.0.2.7 192.0.2.7.1 127.0.0.1",
        "12001:db8::7 2001:db8::7:1 2001:db8::77",
        "malice alice2 bench-70 my-bench-7 alice_x",
        "chroot as root on vm.swappiness",
        "the service ended, and vm, too",
        "asyncpg==192.0.2.7 asyncpg-192.0.2.7.tar.gz",
        "/",
    ],
)
def test_what_only_looks_like_it_stays(text):
    assert clean(text) == text


def test_tables_and_what_decides_a_run_stay():
    for path in ("trials/a/samples.parquet", "trials/a/service.hdr", "inputs/plan.yaml"):
        assert clean("/home/alice", path) == "/home/alice"


def test_a_packed_log_is_cleaned_inside_and_an_innocent_one_keeps_its_bytes():
    pack = zstandard.ZstdCompressor(level=19).compress
    dirty, innocent = pack(b"in /home/alice"), pack(b"in /tmp")
    cleaned = REDACTOR.clean("a.log.zst", dirty)
    found = zstandard.ZstdDecompressor().decompress(cleaned)
    assert found == b"in [redacted home folder]"
    assert REDACTOR.clean("a.log.zst", innocent) is innocent


def test_a_folder_is_cleaned_and_says_what_was_replaced_where(tmp_path):
    (tmp_path / "b").mkdir()
    failure = {"what": "by alice", "where": "/home/alice", "code": "alice"}
    (tmp_path / "b/trial.json").write_text(json.dumps({"failure": failure}))
    (tmp_path / "a.log.zst").write_bytes(zstandard.ZstdCompressor().compress(b"hunter2-hunter2"))
    (tmp_path / "c.txt").write_text("nothing")
    REDACTOR.clean_folder(tmp_path)
    told = {each.path: each.reason for each in declared(tmp_path)}
    assert told == {
        "a.log.zst": f"replaced: {KINDS['secret']}",
        "b/trial.json": f"replaced: {KINDS['home folder']}; {KINDS['name']}",
    }


def test_a_redactor_that_knows_nothing_changes_nothing():
    assert Redactor().clean("a.txt", b"/home/alice") == b"/home/alice"
    assert Redactor().knowing({"name": ["", "root"], "home folder": ["/", ""]}).values.get(
        "name"
    ) in (None, frozenset())


def test_a_path_with_letters_of_another_script_is_found_as_json_writes_it():
    redactor = Redactor().knowing({"home folder": ["/home/zoë"]})
    for text in (
        json.dumps({"at": "/home/zoë/x"}),
        json.dumps({"at": "/home/zoë/x"}, ensure_ascii=False),
    ):
        assert json.loads(redactor.clean("a.json", text.encode())) == {
            "at": "[redacted home folder]/x"
        }


def test_half_a_surrogate_pair_and_bytes_that_are_no_text_are_no_obstacle():
    document = json.dumps({"failure": {"what": "alice \ud800"}})
    cleaned = json.loads(REDACTOR.clean("trial.json", document.encode()))
    assert cleaned == {"failure": {"what": "[redacted name] \ud800"}}
    assert REDACTOR.clean("service.log", b"alice \xff\xfe") == b"[redacted name] \xff\xfe"
    assert clean('{"failure": {"what": "by alice, cut', "trial.json").count("[redacted name]") == 1


words = st.sampled_from([value for values in KNOWN.values() for value in values])
texts = st.lists(st.one_of(words, st.text(max_size=3)), max_size=4).map("".join)
sentence = st.dictionaries(st.sampled_from(["what", "where", "hint"]), texts)
documents = st.recursive(
    st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(words, st.sampled_from(["where", "a"])), inner, max_size=3),
    ),
)


def shape(value):
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return value if not isinstance(value, str) else str


@given(documents, sentence)
def test_a_document_keeps_its_keys_and_numbers_and_a_second_cleaning_finds_nothing(
    readings, failure
):
    document = {"readings": readings, "failure": failure | {"code": "alice"}}
    once = clean(json.dumps(document), "trial.json")
    cleaned = json.loads(once)
    assert shape(cleaned) == shape(document)
    assert cleaned["failure"]["code"] == "alice"
    assert clean(once, "trial.json") == once


def test_this_host_and_its_user_are_known_by_every_kind_that_it_has():
    found = owner.collect()
    known = _values(found)
    assert set(known) <= set(KINDS)
    assert sorted(known.values()) == sorted(plain(found).values())
    assert all(isinstance(value, str) for values in known.values() for value in values)
    assert known["name"][0]
    assert known["home folder"][0].startswith("/")

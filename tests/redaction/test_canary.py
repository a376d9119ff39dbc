"""A real run on a host full of canaries: none of them is in any file of the bundle.

The run gets a host name, a user, a home folder and secrets of its own. One of its services prints
all of them, as an unlucky library does, and then dies, so that its last words become the trial's
failure.

The user is also known by a word of wrk's own text, and variables that look like secrets have words
of the record as values: neither may cost a trial.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import zstandard

from agent import owner
from analysis import report as rendering
from ormlab.judging import report
from ormlab.run.measure.redaction import KINDS
from ormlab.verify import verify
from tests.conftest import CHECKOUT

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
PATIENCE_S = 400
UNIQUE = secrets.token_hex(6)
HOST = f"canary-host-{UNIQUE}"
OWN_HOST = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', HOST)
ENVIRONMENT = {
    "HOME": f"/home/canary-home-{UNIQUE}",
    "USER": f"canary-user-{UNIQUE}",
    "LOGNAME": "requests",
    "CACHE_KEY": "packages",
    "CANARY_TOKEN": f"ghp_{UNIQUE * 3}",
    "CANARY": f"canary-variable-{UNIQUE}",
}


def unshared():
    try:
        return subprocess.run([*OWN_HOST, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def own_host():
    if not unshared():
        pytest.skip("a host name of its own needs unshare and root")
    return OWN_HOST


def with_wrk(plan):
    plan["blocks"] = 1
    plan["loads"]["wrk"] = {"generator": "wrk", "threads": 1, "connections": 8, "warmup_s": 0}
    plan["loads"]["wrk"]["duration_s"] = 1


@pytest.fixture
def bundle(own_host, inventory, small_plan, lab_root, tmp_path):
    """The bundle of the run, and the canaries by what they are."""
    command = [ORMLAB, "run", small_plan(with_wrk), "--inventory", inventory, "--json"]
    process = subprocess.Popen(
        [*own_host, *command, "--bundles", tmp_path / "bundles"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ENVIRONMENT,
        cwd=tmp_path,
    )
    try:
        canaries = betray(lab_root, process)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    finally:
        process.kill()
        process.communicate()
    return Path(json.loads(out)["folder"]), canaries


def betray(lab_root, process):
    """Let the service of the second trial print everything and die; return what it printed."""
    (log,) = awaited(process, lambda: [*lab_root.glob("runs/*/002-*/service.log")])
    awaited(process, lambda: [*log.parent.glob("*.stderr.txt")])
    _, password = (lab_root / "postgres/pgpass").read_text().strip().rsplit(":", 1)
    canaries = {
        "host name": HOST,
        "user": ENVIRONMENT["USER"],
        "home": ENVIRONMENT["HOME"],
        "token": ENVIRONMENT["CANARY_TOKEN"],
        "password": password,
        "lab": str(lab_root),
        "checkout": str(CHECKOUT),
        **{f"address {at}": each for at, each in enumerate(owner.collect().addresses)},
    }
    with log.open("a") as out:
        out.write("what I know: " + ", ".join(canaries.values()) + f" and {HOST}:5432\n")
    (service,) = (
        each
        for each in psutil.process_iter(["cmdline"])
        if "workloads.services" in (each.info["cmdline"] or ())
        and str(log.with_name("service.json")) in each.info["cmdline"]
    )
    service.send_signal(signal.SIGKILL)
    # Nobody needs to know this one to keep it out: no environment is recorded.
    return {**canaries, "variable": ENVIRONMENT["CANARY"]}


def awaited(process, find):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := find():
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("the second trial never began")


def readable(path):
    """Everything that a reader could find in a file."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".zst":
        yield zstandard.ZstdDecompressor().decompressobj().decompress(data)
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr((table.schema.metadata, table.column_names)).encode()
        yield repr([set(c.to_pylist()) for c in table.columns if c.type == "string"]).encode()


def assert_without(canaries, data, where):
    for what, canary in canaries.items():
        assert canary.encode() not in data, f"{what} in {where}"


def test_no_canary_is_in_any_file_and_the_bundle_says_what_was_taken_out(bundle):
    folder, canaries = bundle
    assert len(canaries) > 7
    for path in sorted(folder.rglob("*")):
        for data in readable(path) if path.is_file() else ():
            assert_without(canaries, data, path.relative_to(folder))
    record = json.loads((folder / "bundle.json").read_bytes())
    (failed,) = (folder / "trials").glob("002-*-b01")
    told = {each["path"]: each for each in record["redactions"]}
    log = told[f"trials/{failed.name}/service.log.zst"]
    assert all(KINDS[kind] in log["reason"] for kind in log["counts"])
    assert (log["counts"]["secret"], log["counts"]["name"]) == (2, 3)
    assert log["counts"].keys() >= {"lab folder", "checkout", "home folder"}
    assert f"trials/{failed.name}/trial.json" in told
    failure = json.loads((failed / "trial.json").read_bytes())["failure"]
    assert failure["code"] == "service-died"
    assert failure["where"].startswith("[redacted lab folder]/runs/")
    assert "what I know: [redacted name], [redacted name]," in failure["what"]
    outcome = verify(folder, level="L3")
    assert outcome.ok, outcome.problems
    results = json.loads((folder / "derived/results.json").read_bytes())
    assert [each["trial"] for each in results["failures"]] == [failed.name]
    for cell in results["cells"]:
        assert {name: each["trials"] for name, each in cell["subjects"].items()} == {
            "asyncpg": 1,
            "tortoise": 1,
        }
    page = rendering.html(report.make(folder))
    assert_without(canaries, page.encode(), "the report")

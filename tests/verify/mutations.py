"""What can be done to a real bundle, and at which level, with which codes, that comes to light.

Those that touch files and go no further are in tests/bundle/breaking.py. Here whoever edits also
hashes again, so that L0 and L1 hold. docs/verification.md shows both.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import yaml
import zstandard

from bundle.codec import serialise
from ormlab.judging import judge
from tests.bundle import breaking
from tests.bundle.making import edit_json, manifest_lines, set_manifest, sha256
from tests.verify import recorded
from tests.verify.recorded import (
    CLIENT,
    NEXT,
    WRK,
    add,
    change,
    edit,
    edit_results,
    edit_table,
    head_of,
    pass_off,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Mutation(NamedTuple):
    """One way to change a bundle.

    Attributes:
        apply: changes it, and hashes again what it must.
        level: the level that is not reached because of it.
        codes: all codes of that level that are given.
    """

    apply: Callable[[Path], None]
    level: str
    codes: set[str]

    @property
    def name(self) -> str:
        return self.apply.__name__.replace("_", " ")


MUTATIONS: list[Mutation] = []


def caught_at(level, *codes, then=recorded.seal_again):
    """Register a change; `then` is what its maker does to hide it."""

    def register(function):
        def apply(bundle):
            function(bundle)
            then(bundle)

        apply.__name__ = function.__name__
        MUTATIONS.append(Mutation(apply, level, set(codes)))
        return function

    return register


def pass_results_off(bundle):
    """The old results are passed off as those of what was edited."""
    results = (bundle / "derived/results.json").read_bytes()
    provenance = head_of(bundle)
    recorded.seal_again(bundle)
    pass_off(bundle, {"results.json": results}, provenance)


def nothing(_bundle):
    """The edit is outside the sealed files."""


def rename_trial(bundle, old, new):
    (bundle / "trials" / old).rename(bundle / "trials" / new)
    lines = [line.replace(f"trials/{old}/", f"trials/{new}/") for line in manifest_lines(bundle)]
    set_manifest(bundle, sorted(lines, key=lambda line: line[66:]))


def drop(bundle, folder):
    for path in sorted((bundle / folder).glob("*")):
        path.unlink()
    (bundle / folder).rmdir()
    kept = [line for line in manifest_lines(bundle) if f"  {folder}/" not in line]
    set_manifest(bundle, kept)


# What the files say, held against each other.


@caught_at("L2", "document-malformed")
def source_json_cut_short(bundle):
    path = bundle / "inputs/source.json"
    path.write_bytes(path.read_bytes()[:20])


@caught_at("L2", "document-malformed")
def key_repeated_in_a_document(bundle):
    edit(bundle / "host/fingerprint.json", b"{", b'{"sha256": "",')


@caught_at("L2", "document-invalid")
def unknown_key_in_a_document(bundle):
    change(bundle / "inputs/source.json", lambda told: told.update(note="trust me"))


@caught_at("L2", "document-missing")
def facts_after_the_run_dropped(bundle):
    (bundle / "host/facts.after.json").unlink()
    lines = [line for line in manifest_lines(bundle) if not line.endswith("facts.after.json")]
    set_manifest(bundle, lines)


@caught_at("L2", "document-invalid", "trial-missing", "trial-counts")
def trial_that_failed_without_a_reason(bundle):
    edit_json(bundle / NEXT / "trial.json", status="failed")


@caught_at("L2", "lock-malformed")
def option_in_a_lock(bundle):
    path = bundle / "inputs/locks/current.txt"
    path.write_bytes(b"--find-links /tmp\n" + path.read_bytes())


@caught_at("L2", "document-malformed")
def aliases_in_the_inventory(bundle):
    path = bundle / "inputs/inventory.redacted.yml"
    path.write_bytes(path.read_bytes() + b"a: &a [x]\nb: [*a]\n")


@caught_at("L2", "document-invalid")
def plan_of_an_unknown_kind(bundle):
    edit_plan(bundle, b"profile: smoke", b"profile: steam")


@caught_at("L2", "plan-digest")
def plan_edited(bundle):
    edit(bundle / "inputs/plan.yaml", b"throughput: 0.05", b"throughput: 0.50")


@caught_at("L2", "host-fingerprint")
def cpu_model_edited(bundle):
    for name in ("before", "after"):
        path = bundle / f"host/facts.{name}.json"
        change(path, lambda told: told["facts"].update(cpu_model="A Faster CPU"))


@caught_at("L2", "host-changed")
def host_swapped_during_the_run(bundle):
    path = bundle / "host/facts.after.json"
    change(path, lambda told: told["facts"].update(kernel="0.0.1"))


@caught_at("L2", "ledger-digest", "ledger-newer")
def ledger_added_after_the_run(bundle):
    ledger = {"sources": {"a": {"published": None, "retrieved": "@"}}}
    text = yaml.safe_dump(ledger).replace("'@'", "2099-01-01")
    add(bundle, "inputs/claims.yaml", text.encode())


@caught_at("L2", "trial-name")
def two_trials_swapped(bundle):
    one, two = CLIENT.partition("/")[2], NEXT.partition("/")[2]
    for old, new in ((one, "swapping"), (two, one), ("swapping", two)):
        rename_trial(bundle, old, new)


@caught_at("L2", "trial-name", "trial-unplanned", "trial-missing", "trial-counts")
def trial_renamed_to_one_that_was_not_planned(bundle):
    old = CLIENT.partition("/")[2]
    new = old.replace("-b01", "-b09")
    rename_trial(bundle, old, new)
    edit_json(bundle / "trials" / new / "trial.json", id=new)


@caught_at("L2", "trial-missing", "trial-counts")
def slow_trial_dropped(bundle):
    drop(bundle, NEXT)


@caught_at("L2", "trial-counts")
def counts_edited(bundle):
    path = bundle / "bundle.json"
    change(path, lambda told: told["trials"].update(planned=9, skipped=1))


@caught_at("L2", "interruption-counts")
def interruption_after_more_trials_than_there_are(bundle):
    path = bundle / "bundle.json"
    told = json.loads(path.read_bytes())
    count = told["trials"]["completed"] + told["trials"]["failed"] + 1
    made_up = {"resumed": told["sealed"], "trials": count, "discarded": []}
    edit_json(path, interruptions=[made_up])


@caught_at("L2", "trials-overlap")
def trials_that_overlap(bundle):
    before = json.loads((bundle / CLIENT / "trial.json").read_bytes())
    edit_json(bundle / NEXT / "trial.json", started=before["started"])
    change(
        bundle / NEXT / "trial.json", lambda told: told.update(started=before["ended"][:-4] + "Z")
    )


@caught_at("L2", "trials-together")
def trial_that_claims_to_have_been_beside_another(bundle):
    both = [each.removeprefix("trials/") for each in (CLIENT, NEXT)]
    edit_json(bundle / CLIENT / "trial.json", together=both)


@caught_at("L2", "trials-together")
def trials_beside_each_other_one_after_the_other(bundle):
    both = [each.removeprefix("trials/") for each in (CLIENT, NEXT)]
    for each in (CLIENT, NEXT):
        edit_json(bundle / each / "trial.json", together=both)


@caught_at("L2", "trials-together")
def trial_beside_one_that_there_is_not(bundle):
    made_up = [CLIENT.removeprefix("trials/"), "009-sqlalchemy-read-one-client-b01"]
    edit_json(bundle / CLIENT / "trial.json", together=made_up)


@caught_at("L2", "trials-order")
def order_of_two_trials_edited(bundle):
    one, two = (json.loads((bundle / each / "trial.json").read_bytes()) for each in (CLIENT, NEXT))
    for folder, times in ((CLIENT, two), (NEXT, one)):
        edit_json(bundle / folder / "trial.json", started=times["started"], ended=times["ended"])


@caught_at("L2", "trial-outside-run", "trials-order")
def trial_from_another_day(bundle):
    day = {"started": "2026-11-01T00:00:00Z", "ended": "2026-11-01T00:00:09Z"}
    edit_json(bundle / NEXT / "trial.json", **day)


@caught_at("L2", "table-damaged")
def bit_flipped_in_a_page_of_samples(bundle):
    breaking.flip(bundle / CLIENT / "samples.parquet", 200)


@caught_at("L2", "table-rows", "samples-mismatch")
def samples_cut_on_a_row_boundary(bundle):
    edit_table(bundle / CLIENT / "samples.parquet", lambda table: table.slice(0, len(table) - 20))


@caught_at("L2", "table-rows")
def resources_cut_on_a_row_boundary(bundle):
    path = bundle / CLIENT / "resources.parquet"
    edit_table(path, lambda table: table.slice(0, len(table) - 1))


@caught_at("L2", "samples-mismatch")
def latencies_halved(bundle):
    def halve(table):
        sent, end = (table.column(name).to_pylist() for name in ("sent_ns", "end_ns"))
        shorter = [a + (b - a) // 2 for a, b in zip(sent, end, strict=True)]
        place = table.schema.get_field_index("end_ns")
        return table.set_column(place, "end_ns", pa.array(shorter, pa.int64()))

    edit_table(bundle / CLIENT / "samples.parquet", halve)


@caught_at("L2", "generator-mismatch")
def throughput_of_the_client_edited(bundle):
    path = bundle / CLIENT / "client.json"
    change(path, lambda told: told.update(throughput=told["throughput"] * 2))


@caught_at("L2", "samples-mismatch", "littles-law")
def requests_of_the_client_doubled(bundle):
    def double(told):
        told["requests_in_window"] *= 2
        told["throughput"] *= 2

    change(bundle / CLIENT / "client.json", double)


@caught_at("L2", "generator-mismatch", "littles-law")
def requests_of_wrk_doubled(bundle):
    path = bundle / WRK / "wrk.json"
    change(path, lambda told: told.update(requests=told["requests"] * 2))


@caught_at("L2", "generator-mismatch")
def text_of_wrk_edited(bundle):
    path = bundle / WRK / "wrk.stdout.txt"
    text = path.read_text()
    path.write_text(re.sub(r"Requests/sec: +\S+", "Requests/sec:  99999.00", text))


@caught_at("L2", "generator-unreadable")
def text_of_wrk_cut_on_a_line(bundle):
    path = bundle / WRK / "wrk.stdout.txt"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


@caught_at("L2", "trial-status")
def failed_requests_hidden(bundle):
    path = bundle / CLIENT / "client.json"
    change(path, lambda told: told["errors"].update(read=7))


@caught_at("L2", "log-damaged")
def log_cut_short(bundle):
    path = bundle / "host/postgres.log.zst"
    path.write_bytes(path.read_bytes()[:-5])


@caught_at("L2", "secret-found")
def secret_in_a_packed_log(bundle):
    secret = b"DSN postgresql" + b"://bench:" + b"hunter22@db.example.org/bench\n"
    path = bundle / "host/postgres.log.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"a line\n" * 90_000 + secret))


@caught_at("L2", "secret-found")
def private_key_in_a_sample(bundle):
    path = bundle / "services/asyncpg/samples/read-user.http"
    path.write_bytes(path.read_bytes() + b"-----BEGIN " + b"OPENSSH PRIVATE KEY-----\n")


@caught_at("L2", "secret-found")
def line_of_a_password_file_in_a_table(bundle):
    line = "127.0.0.1:*:*" + ":ormlab:hunter2-hunter2"
    path = bundle / WRK / "resources.parquet"
    edit_table(path, lambda table: table.append_column("note", [[line] * table.num_rows]))


# What follows from the files.


@caught_at("L3", "results-differ", then=nothing)
def verdict_edited(bundle):
    edit_results(bundle, lambda told: told["cells"][0]["comparisons"][0].update(verdict="FASTER"))


@caught_at("L3", "results-older", then=nothing)
def results_of_an_older_rule(bundle):
    edit_results(bundle, lambda told: told.update(schema="results/1"))


@caught_at("L3", "results-differ", then=nothing)
def results_of_a_rule_that_is_not_there(bundle):
    edit_results(bundle, lambda told: told.update(schema="results/3"))


@caught_at("L3", "results-differ", then=nothing)
def conclusion_edited(bundle):
    edit_results(bundle, lambda told: told.update(conclusion="All is well."))


@caught_at("L3", "results-differ", then=nothing)
def seventh_digit_edited_under_the_same_lock(bundle):
    def nudge(told):
        told["cells"][0]["comparisons"][0]["ratio"] *= 1 + 1e-9

    edit_results(bundle, nudge)


@caught_at("L3", "results-differ", then=nothing)
def third_digit_edited_under_another_lock(bundle):
    def nudge(told):
        told["cells"][0]["comparisons"][0]["ratio"] *= 1.001

    document = json.loads((bundle / "derived/results.json").read_bytes())
    nudge(document)
    head = head_of(bundle) | {"analysis_lock": "8" * 64}
    pass_off(bundle, {"results.json": serialise(document)}, head)


@caught_at("L3", "results-differ", then=nothing)
def document_added_that_nothing_gives(bundle):
    results = (bundle / "derived/results.json").read_bytes()
    files = {"results.json": results, "opinion.txt": b"All is well.\n"}
    pass_off(bundle, files, head_of(bundle))


@caught_at("L3", "results-differ", then=nothing)
def ledger_named_that_is_not_there(bundle):
    results = (bundle / "derived/results.json").read_bytes()
    pass_off(bundle, {"results.json": results}, head_of(bundle) | {"ledger": "5" * 64})


@caught_at("L3", "results-missing", then=nothing)
def results_dropped(bundle):
    pass_off(bundle, {"notes.txt": b"see elsewhere\n"}, head_of(bundle))


@caught_at("L3", "results-underivable", then=pass_results_off)
def resources_of_a_trial_declared_unreadable(bundle):
    def forget(told):
        del told["readings"]["sampler"]

    change(bundle / CLIENT / "trial.json", forget)


@caught_at("L3", "plan-differs", "results-differ", then=pass_results_off)
def another_seed_claimed(bundle):
    edit_plan(bundle, b"seed: 20240101", b"seed: 20240102")


@caught_at("L3", "plan-underivable", "results-differ", then=pass_results_off)
def plan_of_an_operation_that_nobody_has(bundle):
    edit_plan(bundle, b"operation: read-user", b"operation: read-mind")


def edit_plan(bundle, old, new):
    """Edit the plan and everything that names it: id, record and results."""
    edit(bundle / "inputs/plan.yaml", old, new)
    digest = sha256((bundle / "inputs/plan.yaml").read_bytes())
    record = json.loads((bundle / "bundle.json").read_bytes())
    identifier = record["id"][:-8] + digest[:8]
    edit_json(bundle / "bundle.json", id=identifier, plan=record["plan"] | {"sha256": digest})


# What others know of the seal.


@caught_at("L4", "anchor-differs", then=nothing)
def edited_and_sealed_again(bundle):
    change(bundle / "host/dataset.json", lambda told: told.update(reused=not told["reused"]))
    recorded.seal_again(bundle)
    judge.judge(bundle)


def edit_index(bundle, edit_lines):
    path = bundle.parent / "index.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(edit_lines(lines)))


@caught_at("L4", "index-broken", then=nothing)
def line_of_the_index_edited(bundle):
    edit_index(bundle, lambda lines: [lines[0].replace("1" * 64, "3" * 64), *lines[1:]])


@caught_at("L4", "index-broken", then=nothing)
def line_of_the_index_removed(bundle):
    edit_index(bundle, lambda lines: lines[1:])


@caught_at("L4", "index-broken", then=nothing)
def lines_of_the_index_reordered(bundle):
    edit_index(bundle, lambda lines: [lines[1], lines[0], lines[2]])


@caught_at("L4", "anchor-missing", then=nothing)
def line_of_the_bundle_cut_off(bundle):
    edit_index(bundle, lambda lines: lines[:1])

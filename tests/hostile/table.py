"""The hostile bundles, by what they abuse; see making.py."""

from __future__ import annotations

import base64
import itertools
import json
import os
import struct
import zipfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.hostile.making import (
    CLIENT,
    LOCK,
    PLAN,
    TOML,
    WRK,
    hostile,
    in_json,
    in_text,
    lock_is,
    rename_stack,
    sha256,
)

_NINE = [f"a{n}" for n in range(9)]
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in itertools.pairwise(_NINE)
)
PIN = "aiohttp==3.14.5"
HASH = f"--hash=sha256:{'0' * 64}"


# Definitions of stacks that cost more to read than they look.


@hostile("TOML")
def name_in_the_stacks_has_many_parts(bundle, _outside):
    with (bundle / TOML).open("a") as file:
        file.write("\n" + ".".join(["a"] * 30_000) + " = 1\n")


@hostile("TOML")
def name_in_the_stacks_has_many_parts_on_short_lines(bundle, _outside):
    with (bundle / TOML).open("a") as file:
        file.writelines(f"\n[{'.'.join(['a'] * 1000)}.b{n}]\n" for n in range(100))


@hostile("TOML")
def stacks_are_nested_without_end(bundle, _outside):
    with (bundle / TOML).open("a") as file:
        file.write("\nx = " + "[" * 100_000 + "\n")


@hostile("TOML")
def stacks_are_nested_line_by_line(bundle, _outside):
    with (bundle / TOML).open("a") as file:
        file.write("\nx = " + "[\n" * 50_000 + "]" * 50_000 + "\n")


# Names that become parts of paths.


@hostile("names")
def stack_of_the_plan_is_a_path_upwards(bundle, _outside):
    rename_stack(bundle, "../../../workloads/stacks/current")


@hostile("names")
def stack_of_the_plan_is_an_absolute_path(bundle, outside):
    rename_stack(bundle, f"{outside}/written-by-rerun")


@hostile("names")
def stack_beside_those_of_the_plan_is_a_path(bundle, outside):
    with (bundle / TOML).open("a") as file:
        for name in (f"{outside}/touched", "../../../../touched"):
            file.write(
                f'\n[stacks."{name}"]\ntitle = "x"\npython = "3.13"\nextensions = "current"\n'
                'exclude_newer = "2026-11-23T00:00:00Z"\nexpect = "works"\n'
            )


@hostile("names")
def build_tools_are_a_path(bundle, _outside):
    in_text(bundle, TOML, "[stacks.current]\n", '[stacks.current]\nbuild = "../../../current"\n')
    (bundle / "inputs/locks/current.txt").write_text("x\n")


@hostile("names")
def package_to_be_built_is_an_option(bundle, outside):
    extra = f'build = "cython-3"\nno_binary = ["--find-links={outside}"]\n'
    in_text(bundle, TOML, "[stacks.current]\n", f"[stacks.current]\n{extra}")


@hostile("names")
def module_to_be_imported_is_code(bundle, _outside):
    in_text(bundle, TOML, 'aiohttp = "aiohttp"', "aiohttp = \"os; print('x')\"")


@hostile("names")
def subject_is_a_path(bundle, _outside):
    in_text(bundle, PLAN, "\n    asyncpg:\n", "\n    ../../../asyncpg:\n")


@hostile("names")
def workload_is_an_absolute_path(bundle, _outside):
    in_text(bundle, PLAN, "\n    read-one:\n", "\n    /etc/read-one:\n")


@hostile("names")
def load_is_a_path(bundle, _outside):
    in_text(bundle, PLAN, "\n    wrk:\n", "\n    ../wrk:\n")


@hostile("names")
def arm_is_a_path(bundle, _outside):
    in_text(bundle, PLAN, "arms: {}", "arms: {../../x: asyncpg}")


@hostile("names")
def trial_of_the_plan_is_a_path(bundle, _outside):
    in_text(bundle, PLAN, "- 001-asyncpg", "- ../001-asyncpg")


@hostile("names")
def subject_of_a_trial_is_a_path(bundle, _outside):
    in_json(bundle, f"{CLIENT}/trial.json", lambda told: told.update(subject="../../../etc"))


@hostile("names")
def id_of_a_trial_is_a_path(bundle, _outside):
    in_json(bundle, f"{CLIENT}/trial.json", lambda told: told.update(id="../../outside"))


@hostile("names")
def id_of_the_bundle_is_a_path(bundle, _outside):
    in_json(bundle, "bundle.json", lambda told: told.update(id="../../20261124T150342Z-6f79dd97"))


# Locks that an installer would obey.


@hostile("locks")
def lock_names_a_forged_wheel(bundle, outside):
    shelf = bundle.parent / "wheels"
    shelf.mkdir()
    wheel = shelf / "aiohttp-99.0-py3-none-any.whl"
    info = "aiohttp-99.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("aiohttp/__init__.py", f"open('{outside}/executed', 'a').write('x')\n")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: aiohttp\nVersion: 99.0\n"
        )
        tags = "Root-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\n{tags}")
        archive.writestr(f"{info}/RECORD", "")
    text = (bundle / LOCK).read_text()
    forged = f"aiohttp==99.0 --hash=sha256:{sha256(wheel.read_bytes())}\n"
    lock_is(bundle, f"--find-links {shelf}\n{forged}{text.partition('aiosignal')[2]}")


def _lock(name, line):
    def apply(bundle, _outside):
        lock_is(bundle, line + (bundle / LOCK).read_text())

    apply.__name__ = f"lock_{name}"
    hostile("locks")(apply)


for _name, _line in {
    "names_an_index": "-i https://example.invalid/simple\n",
    "names_an_index_in_full": "--index-url=https://example.invalid/simple\n",
    "names_another_index": "--extra-index-url https://example.invalid/simple\n",
    "installs_a_folder": "-e /tmp/x\n",
    "installs_a_relative_folder": "./x\n",
    "installs_an_address": f"aiohttp @ file:///tmp/x.whl {HASH}\n",
    "installs_a_bare_address": f"https://example.invalid/x.whl {HASH}\n",
    "includes_a_file": "-r /etc/passwd\n",
    "includes_constraints": "-c /etc/passwd\n",
    "trusts_a_host": "--trusted-host example.invalid\n",
    "continues_into_an_option": f"{PIN} \\\n    --find-links /tmp {HASH}\n",
    "continues_a_comment": f"{PIN} \\\n# \\\n    --find-links /tmp\n",
    "hides_an_option_after_a_return": "# a comment\r--find-links /tmp\n",
    "hides_an_option_after_a_form_feed": "# a comment\x0c--find-links /tmp\n",
    "hides_an_option_in_a_marker": f"{PIN} ; python_version > '3' --find-links /tmp {HASH}\n",
    "has_a_weak_hash": f"{PIN} --hash=md5:{'0' * 32}\n",
    "has_no_hash": f"{PIN}\n",
    "takes_a_variable": f"aiohttp==${{HOME}} {HASH}\n",
    "is_not_pinned": f"aiohttp>=3 {HASH}\n",
    "is_not_ascii": "# \N{LINE SEPARATOR}--find-links /tmp\n",
    "has_extras": f"aiohttp[speedups]==3.14.5 {HASH}\n",
    "passes_settings": f"{PIN} --config-settings=x=y {HASH}\n",
}.items():
    _lock(_name, _line)


# YAML.


@hostile("locks")
def lock_goes_on_without_end(bundle, _outside):
    lock_is(bundle, f"a==1 \\\n{chr(92) + chr(10)}" + "\\\n" * 2_000_000 + f"    {HASH}\n")


def _yaml(name, edit):
    def apply(bundle, _outside):
        file = bundle / PLAN
        text = file.read_text()
        changed = edit(text)
        assert changed != text
        file.write_text(changed)

    apply.__name__ = f"plan_{name}"
    hostile("YAML")(apply)


for _name, _edit in {
    "is_nine_levels_of_aliases": lambda text: BOMB + text,
    "has_a_bomb_in_its_place": lambda text: text.replace(
        "assumptions: []", "assumptions: &b [x]\n  more: [*b]"
    ),
    "merges": lambda text: f"x: &x {{a: 1}}\ny:\n  <<: *x\n{text}",
    "has_a_tag": lambda text: f"x: !!python/object/apply:os.system [id]\n{text}",
    "is_deep": lambda text: f"x: {'[' * 20000}{']' * 20000}\n{text}",
    "is_wide": lambda text: f"x: [{'a,' * 200_000}]\n{text}",
    "is_large": lambda text: f"# {'x' * 2_000_000}\n{text}",
    "has_a_number_of_base_60": lambda text: text.replace("20240101", "1" + ":1" * 300_000),
    "has_a_long_number": lambda text: text.replace("20240101", "9" * 100_000),
    "has_infinity": lambda text: text.replace("throughput: 0.05", "throughput: .inf"),
    "has_no_number": lambda text: text.replace("throughput: 0.05", "throughput: .nan"),
    "has_a_key_twice": lambda text: text.replace("  blocks: 2", "  blocks: 2\n  blocks: 2"),
    "is_two_documents": lambda text: f"{text}---\n{text}",
    "is_no_table": lambda text: f"- {text[:6]}\n",
    "has_a_billion_trials": lambda text: text.replace("blocks: 2", "blocks: 1000").replace(
        "  loads:\n",
        "".join(f"    w{n}: {{operations: [{{operation: read-user}}]}}\n" for n in range(2000))
        + "  loads:\n"
        + "".join(
            f"    c{n}: {{generator: article, requests: 1, concurrency: 1}}\n" for n in range(2000)
        ),
    ),
}.items():
    _yaml(_name, _edit)


@hostile("YAML")
def ledger_is_a_bomb(bundle, _outside):
    (bundle / "inputs/claims.yaml").write_text(BOMB)
    digest = sha256(BOMB.encode())
    in_json(bundle, "bundle.json", lambda told: told.update(ledger=digest))


@hostile("YAML")
def inventory_is_a_bomb(bundle, _outside):
    (bundle / "inputs/inventory.redacted.yml").write_text(BOMB + "groups: *a8\n")


# JSON.


def _json_is(name, path, content):
    """A document of another shape."""

    def edit(bundle, _outside):
        (bundle / path).write_text(content)

    edit.__name__ = name
    hostile("JSON")(edit)


def _json(name, path, old, new):
    def apply(bundle, _outside):
        in_text(bundle, path, old, new)

    apply.__name__ = f"json_{name}"
    hostile("JSON")(apply)


_FACTS = "host/facts.before.json"
for _name, _path, _old, _new in (
    ("has_no_number", f"{CLIENT}/client.json", '"seconds": ', '"seconds": NaN, "x": '),
    ("has_infinity", _FACTS, "{", '{"x": Infinity,'),
    ("has_a_number_that_is_infinite", f"{WRK}/wrk.json", "{", '{"x": 1e999,'),
    ("has_a_key_twice", _FACTS, "{", '{"facts": {},'),
    (
        "has_an_integer_of_400_digits",
        f"{WRK}/wrk.json",
        '"requests":',
        f'"requests": 1{"0" * 400}, "x":',
    ),
    ("has_an_integer_of_10000_digits", "services/asyncpg/sql.json", "{", f'{{"x": {"9" * 10_000},'),
    ("is_deep", "services/asyncpg/answers.json", "{", f'{{"x": {"[" * 100_000}{"]" * 100_000},'),
    ("is_deep_enough_for_its_readers", _FACTS, "{", f'{{"x": {"[" * 900}{"]" * 900},'),
    ("is_wide", "services/asyncpg/sql.json", "{", f'{{"x": [{"[]," * 4_000_000}[]],'),
    ("has_many_objects", "host/readings.before.json", "{", '{"x": [' + "{}," * 900_000 + "{}],"),
    ("has_half_a_surrogate", "host/dataset.json", "{", '{"\\ud800": "\\ud800",'),
    ("is_not_unicode", "host/drift.json", "{", "{\x00"),
):
    _json(_name, _path, _old, _new)


@hostile("JSON")
def histogram_of_wrk_reaches_far(bundle, _outside):
    def edit(told):
        told["latency_us"] = [[each, 1] for each in range(10**15, 10**15 + 1000)]

    in_json(bundle, f"{WRK}/wrk.json", edit)


@hostile("JSON")
def window_of_the_client_is_endless(bundle, _outside):
    def edit(told):
        told["window"]["seconds"] = 1e300

    in_json(bundle, f"{CLIENT}/client.json", edit)


@hostile("JSON")
def window_of_the_client_is_nothing(bundle, _outside):
    def edit(told):
        told["window"]["seconds"] = 0
        told["spec"]["connections"] = 0

    in_json(bundle, f"{CLIENT}/client.json", edit)


@hostile("JSON")
def readings_are_of_other_types(bundle, _outside):
    def edit(told):
        told["readings"] = {key: [None, "x", {}] for key in told["readings"]}

    in_json(bundle, f"{CLIENT}/trial.json", edit)


@hostile("JSON")
def facts_are_a_list(bundle, _outside):
    (bundle / _FACTS).write_text("[1, 2, 3]\n")


# Tables.

_ROWS = 2**22


def _columns(rows):
    zeros = pa.array(np.zeros(rows, np.int64))
    names = ("intended_ns", "sent_ns", "end_ns", "operation", "status")
    return pa.table(dict.fromkeys(names, zeros))


def _one_group(path, table):
    """Write a table as one row group, and each column of it as one page."""
    size = {"row_group_size": _ROWS, "data_page_size": 2**30, "max_rows_per_page": 2**30}
    settings = {"compression": "zstd", "write_page_checksum": True, "write_statistics": False}
    pq.write_table(table, path, **size, **settings, store_schema=False)
    assert path.stat().st_size < 5_000


@hostile("JSON")
def probes_of_a_search_lie_one_over_the_other(bundle, _outside):
    """Instead of the files of wrk: what tells a stall reads these."""
    trial = bundle / WRK
    for path in trial.glob("wrk.*"):
        path.unlink()
    probe = {"window": {"start_ns": 0, "stop_ns": 10**12}, "rate": 1.0}
    (trial / "capacity.json").write_text(json.dumps({"probes": [probe] * 100_000}))
    told = json.loads((trial / "trial.json").read_bytes())
    told["readings"]["sampler"] |= {"unread": {}, "stopped": {}, "ended_children": True}
    (trial / "trial.json").write_text(json.dumps(told))
    count = 250_000
    columns = {
        "round": np.arange(count),
        "at_ns": np.arange(count) * 1_000_000,
        "role": ["service"] * count,
        **{name: np.ones(count, "int64") for name in ("pid", "user_ticks", "system_ticks")},
        "rss_pages": np.ones(count, "int64"),
    }
    pq.write_table(pa.table(columns), trial / "resources.parquet", write_page_checksum=True)


for _path, _content in (
    ("host/postgres.json", "[1]"),
    ("services/asyncpg/sql.json", "[]"),
    ("inputs/source.json", "[[1]]"),
    ("services/asyncpg/stack.json", '{"packages": {}, "stack": ["x"]}'),
):
    _json_is(f"{_path.rpartition('/')[2].partition('.')[0]}_is_of_another_shape", _path, _content)


@hostile("Parquet")
def table_of_few_bytes_is_one_huge_row_group(bundle, _outside):
    _one_group(bundle / CLIENT / "samples.parquet", _columns(_ROWS))


@hostile("Parquet")
def table_of_resources_is_one_huge_row_group(bundle, _outside):
    names = ("round", "at_ns", "pid", "user_ticks", "system_ticks", "rss_pages")
    zeros = pa.array(np.zeros(_ROWS, np.int64))
    roles = pa.DictionaryArray.from_arrays(np.zeros(_ROWS, np.int8), ["service"])
    table = pa.table({**dict.fromkeys(names, zeros), "role": roles})
    _one_group(bundle / CLIENT / "resources.parquet", table)


@hostile("Parquet")
def table_has_many_row_groups(bundle, _outside):
    path = bundle / CLIENT / "samples.parquet"
    with pq.ParquetWriter(path, _columns(1).schema, compression="zstd") as writer:
        for _ in range(4200):
            writer.write_table(_columns(1))


@hostile("Parquet")
def table_repeats_a_long_text(bundle, _outside):
    rows = 2**19
    text = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x" * 2**19])
    table = _columns(rows).append_column("note", text)
    path = bundle / CLIENT / "samples.parquet"
    pq.write_table(table, path, compression="zstd", store_schema=False, write_page_checksum=True)


@hostile("Parquet")
def table_has_a_page_that_unpacks_to_much(bundle, _outside):
    table = _columns(1).append_column("note", pa.array([b"\0" * (136 * 2**20)]))
    path = bundle / CLIENT / "samples.parquet"
    options = {"use_dictionary": False, "write_statistics": False}
    pq.write_table(table, path, compression="zstd", write_page_checksum=True, **options)


@hostile("Parquet")
def table_has_texts_made_of_those_before(bundle, _outside):
    table = pa.table({"note": ["x" * 2**16 + str(n) for n in range(2000)]})
    path = bundle / CLIENT / "samples.parquet"
    encoding = {"use_dictionary": False, "column_encoding": {"note": "DELTA_BYTE_ARRAY"}}
    pq.write_table(table, path, compression="zstd", write_page_checksum=True, **encoding)


@hostile("Parquet")
def table_has_a_list_of_many(bundle, _outside):
    many = pa.ListArray.from_arrays([0, 2**22], pa.array(np.zeros(2**22, np.int64)))
    table = _columns(1).append_column("note", many)
    pq.write_table(table, bundle / CLIENT / "samples.parquet", compression="zstd")


@hostile("Parquet")
def table_has_large_metadata(bundle, _outside):
    table = _columns(1).replace_schema_metadata({"x": "y" * (8 * 2**20)})
    pq.write_table(table, bundle / CLIENT / "samples.parquet")


@hostile("Parquet")
def table_has_many_columns(bundle, _outside):
    table = pa.table({f"c{n}": [1] for n in range(6000)})
    pq.write_table(table, bundle / CLIENT / "samples.parquet")


@hostile("Parquet")
def table_has_other_types(bundle, _outside):
    names = ("intended_ns", "sent_ns", "end_ns", "operation", "status")
    table = pa.table({key: ["x", None] for key in names})
    pq.write_table(table, bundle / CLIENT / "samples.parquet")


@hostile("Parquet")
def table_has_a_footer_without_end(bundle, _outside):
    path = bundle / CLIENT / "samples.parquet"
    data = path.read_bytes()
    path.write_bytes(data[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1")


@hostile("Parquet")
def table_has_a_page_without_end(bundle, _outside):
    path = bundle / CLIENT / "samples.parquet"
    data = bytearray(path.read_bytes())
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)


# Compressed files.


def _zeros(count, **options):
    packer = zstandard.ZstdCompressor(**options).compressobj(size=count)
    piece = b"\0" * 2**20
    return b"".join([*(packer.compress(piece) for _ in range(count // 2**20)), packer.flush()])


@hostile("zstd")
def log_declares_much(bundle, _outside):
    (bundle / "host/postgres.log.zst").write_bytes(_zeros(2**28))


@hostile("zstd")
def log_does_not_declare_how_much(bundle, _outside):
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    piece = b"x://" * 2**18
    data = b"".join([*(packer.compress(piece) for _ in range(256)), packer.flush()])
    (bundle / "host/postgres.log.zst").write_bytes(data)


@hostile("zstd")
def log_declares_less_than_it_holds(bundle, _outside):
    data = bytearray(zstandard.ZstdCompressor().compress(b"\0" * 2**20))
    at = data.find(struct.pack("<I", 2**20), 4, 16)
    assert at > 0
    data[at : at + 4] = struct.pack("<I", 10)
    (bundle / "host/postgres.log.zst").write_bytes(data)


@hostile("zstd")
def log_wants_a_window_of_a_gigabyte(bundle, _outside):
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (bundle / "host/postgres.log.zst").write_bytes(packer.compress(b"x" * 10) + packer.flush())


@hostile("zstd")
def logs_are_many_bombs(bundle, _outside):
    data = _zeros(2**25)
    for folder in (bundle / "trials").iterdir():
        (folder / "service.log.zst").write_bytes(data)


@hostile("zstd")
def log_is_two_frames(bundle, _outside):
    frame = zstandard.ZstdCompressor().compress(b"x" * 1000)
    (bundle / "host/postgres.log.zst").write_bytes(frame * 50)


@hostile("histograms")
def histogram_unpacks_to_much(bundle, _outside):
    packed = zlib.compress(b"\0" * 2**26)
    head = struct.pack(">ii", 0x1C849304 | 0x10, len(packed))
    (bundle / CLIENT / "service.hdr").write_bytes(base64.b64encode(head + packed))


@hostile("histograms")
def histogram_has_many_bins(bundle, _outside):
    counts = b"\x02" * 100_000
    inner = struct.pack(">iiiiqqd", 0x1C849303 | 0x10, len(counts), 0, 5, 1, 2**60, 1.0)
    packed = zlib.compress(inner + counts)
    head = struct.pack(">ii", 0x1C849304 | 0x10, len(packed))
    (bundle / CLIENT / "service.hdr").write_bytes(base64.b64encode(head + packed))


# Links and odd files.


@hostile("links", raw=True)
def trials_are_a_link(bundle, outside):
    (bundle / "trials").rename(outside / "trials")
    (bundle / "trials").symlink_to(outside / "trials")


@hostile("links", raw=True)
def table_is_a_link(bundle, _outside):
    path = bundle / CLIENT / "samples.parquet"
    path.unlink()
    path.symlink_to("/etc/passwd")


@hostile("links", raw=True)
def results_are_a_link(bundle, outside):
    (bundle / "derived").symlink_to(outside)


@hostile("links", raw=True)
def locks_are_a_link(bundle, outside):
    (bundle / "inputs/locks").rename(outside / "locks")
    (bundle / "inputs/locks").symlink_to(outside / "locks")


@hostile("links", raw=True)
def seal_is_a_link(bundle, outside):
    (bundle / "SEAL.json").rename(outside / "SEAL.json")
    (bundle / "SEAL.json").symlink_to(outside / "SEAL.json")


@hostile("links", raw=True)
def list_of_results_is_a_link_to_a_device(bundle, _outside):
    (bundle / "derived").mkdir()
    (bundle / "derived/DERIVED.sha256").symlink_to("/dev/zero")


@hostile("links", raw=True)
def record_is_a_pipe(bundle, _outside):
    (bundle / "bundle.json").unlink()
    os.mkfifo(bundle / "bundle.json")


@hostile("links", raw=True)
def record_is_sparse(bundle, _outside):
    with (bundle / "bundle.json").open("r+b") as file:
        file.truncate(2**34)


# Times.


def _times(name, path, **values):
    def apply(bundle, _outside):
        in_json(bundle, path, lambda told: told.update(values))

    apply.__name__ = name
    hostile("times")(apply)


_times("sealed_in_the_year_9999", "bundle.json", sealed="9999-12-31T23:59:59.999999Z")
_times(
    "made_in_the_year_1",
    "bundle.json",
    created="0001-01-01T00:00:00Z",
    id="00010101T000000Z-6f79dd97",
)
_times("trial_in_the_year_1", f"{CLIENT}/trial.json", started="0001-01-01T00:00:00Z")
_times("trial_in_the_year_9999", f"{CLIENT}/trial.json", ended="9999-12-31T23:59:59.999999Z")
_times("trial_ends_before_it_begins", f"{CLIENT}/trial.json", ended="2026-11-24T00:00:00Z")
_times("trial_without_a_zone", f"{CLIENT}/trial.json", started="2026-11-24T15:03:50")
_times(
    "taken_up_again_at_the_end_of_time",
    "bundle.json",
    interruptions=[{"resumed": "9999-12-31T23:59:59Z", "trials": 1, "discarded": ["../x"]}],
)


# Markup, escapes and what else a terminal or page would obey.

_MARKUP = (
    "[/x][link=file:///etc/passwd]x[/link] \x1b]0;x\x07\x1b[2J <script>alert(1)</script> \u202e"
)


@hostile("markup")
def title_is_markup(bundle, _outside):
    told = json.dumps(_MARKUP)
    in_text(
        bundle, PLAN, "title: Two services for half a second under each generator", f"title: {told}"
    )


@hostile("markup")
def failure_is_markup(bundle, _outside):
    failure = {"code": "x[/]", "what": _MARKUP, "where": _MARKUP, "hint": _MARKUP}
    edit = {"status": "failed", "failure": failure}
    in_json(bundle, f"{CLIENT}/trial.json", lambda told: told.update(edit))


@hostile("markup")
def subject_is_markup(bundle, _outside):
    in_text(bundle, PLAN, "\n    asyncpg:\n", '\n    "[/x]":\n')


@hostile("markup")
def omission_is_a_pattern_that_takes_long(bundle, _outside):
    omitted = [{"path": "*a" * 40 + "b", "reason": _MARKUP} for _ in range(500)]
    in_json(bundle, "bundle.json", lambda told: told.update(omitted=omitted))


@hostile("markup")
def facts_are_markup(bundle, _outside):
    def edit(told):
        told["facts"] = dict.fromkeys(told["facts"], _MARKUP)

    in_json(bundle, _FACTS, edit)


@hostile("markup")
def files_are_in_no_known_place(bundle, _outside):
    (bundle / "setup.py").write_text("raise SystemExit('executed')\n")
    (bundle / "inputs/locks/conftest.py").write_text("raise SystemExit('executed')\n")
    (bundle / "ormlab").mkdir()
    (bundle / "ormlab/__init__.py").write_text("raise SystemExit('executed')\n")

"""Ways to break a sealed bundle, each with the codes that `verify` must give for it, no others.

A case gets the folder of a whole bundle, changes it, and returns the new folder if that moved.
`coreutils` says what the commands in the bundle's README do with it: most they see; to some they
are blind, as docs/bundle-format.md says; on a fifo they hang.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

from tests.bundle import making
from tests.bundle.making import edit_json, manifest_lines, relist, reseal, set_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Case(NamedTuple):
    apply: Callable[[Path], Path | None]
    codes: set[str]
    coreutils: Literal["see", "blind", "hang", "cannot start"]


CASES: list[Case] = []


def breaks(*codes, coreutils="see"):
    def register(function):
        CASES.append(Case(function, set(codes), coreutils))
        return function

    return register


PLAN = "inputs/plan.yaml"
TEXT = f"trials/{making.trial_name(0)}/wrk.stdout.txt"


def flip(path, at=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def replace(path, make):
    path.unlink()
    make(path)


def bind(path):
    with socket.socket(socket.AF_UNIX) as server:
        # The path of a socket is limited to 108 bytes: bind where it is short, then move.
        server.bind("s")
        os.rename("s", path)  # noqa: PTH104 (a socket that is bound by a relative name)


def nest_beyond_path_max(bundle):
    folder = os.open(bundle, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=folder)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)


def remove_line(bundle, path):
    set_manifest(bundle, [line for line in manifest_lines(bundle) if not line.endswith(path)])


def add_line(bundle, path):
    lines = [*manifest_lines(bundle), f"{'0' * 64}  {path}"]
    set_manifest(bundle, sorted(lines, key=lambda line: line[66:]))


def edit_derived(bundle, edit):
    path = making.judged(bundle) / "DERIVED.sha256"
    path.write_bytes(edit(path.read_bytes()))


@breaks("file-changed")
def flipped_first_bit(bundle):
    flip(bundle / TEXT)


@breaks("file-changed")
def flipped_last_bit(bundle):
    flip(bundle / TEXT, -1)


@breaks("file-changed")
def truncated_on_a_line(bundle):
    lines = (bundle / TEXT).read_bytes().splitlines(keepends=True)
    (bundle / TEXT).write_bytes(b"".join(lines[:-1]))


@breaks("file-changed")
def emptied(bundle):
    (bundle / TEXT).write_bytes(b"")


@breaks("file-missing")
def dropped(bundle):
    (bundle / TEXT).unlink()


@breaks("file-extra")
def added(bundle):
    (bundle / "inputs/more.yaml").write_text("")


@breaks("file-extra")
def added_under_an_odd_name(bundle):
    (bundle / os.fsdecode(b"inputs/\xff\n\x1b[2J")).write_text("")


@breaks("file-missing", "file-extra")
def renamed(bundle):
    (bundle / PLAN).rename(bundle / "inputs/plan.yml")


@breaks("file-changed")
def swapped(bundle):
    (bundle / TEXT).write_bytes((bundle / PLAN).read_bytes())


@breaks("manifest-changed")
def changed_and_relisted(bundle):
    flip(bundle / TEXT)
    relist(bundle)


@breaks("manifest-changed", "file-extra")
def dropped_from_the_list(bundle):
    remove_line(bundle, PLAN)


@breaks("record-changed", "file-changed")
def record_edited(bundle):
    edit_json(bundle / "bundle.json", status="aborted")


@breaks("manifest-changed", "record-changed")
def record_edited_and_relisted(bundle):
    edit_json(bundle / "bundle.json", status="aborted")
    relist(bundle)


@breaks("seal-disagrees", coreutils="blind")
def seal_backdated(bundle):
    edit_json(bundle / "SEAL.json", sealed_at="2026-11-23T03:20:00Z")


@breaks("seal-malformed", coreutils="blind")
def seal_with_an_unknown_key(bundle):
    edit_json(bundle / "SEAL.json", note="trust me")


@breaks("seal-malformed", "file-extra")
def seal_is_a_folder(bundle):
    replace(bundle / "SEAL.json", lambda path: path.mkdir())
    (bundle / "SEAL.json/x").write_text("")


@breaks("seal-malformed", "file-symlink")
def seal_is_a_link(bundle):
    (bundle / "SEAL.json").rename(bundle.parent / "elsewhere.json")
    (bundle / "SEAL.json").symlink_to("../elsewhere.json")


@breaks("seal-missing")
def seal_dropped(bundle):
    (bundle / "SEAL.json").unlink()


@breaks("record-malformed", "record-changed", "file-changed")
def record_with_a_repeated_key(bundle):
    data = (bundle / "bundle.json").read_text()
    (bundle / "bundle.json").write_text(data.replace("{", '{"status": "complete",', 1))


@breaks("record-malformed", coreutils="blind")
def record_with_an_unknown_key_sealed(bundle):
    edit_json(bundle / "bundle.json", note="trust me")
    relist(bundle)
    reseal(bundle)


@breaks("record-missing", "file-missing")
def record_dropped(bundle):
    (bundle / "bundle.json").unlink()


@breaks("manifest-missing")
def manifest_dropped(bundle):
    (bundle / "MANIFEST.sha256").unlink()


@breaks("manifest-unreadable", "file-special", coreutils="hang")
def manifest_is_a_fifo(bundle):
    replace(bundle / "MANIFEST.sha256", os.mkfifo)


@breaks("manifest-malformed")
def manifest_with_a_comment(bundle):
    set_manifest(bundle, ["# nothing to see", *manifest_lines(bundle)])
    reseal(bundle)


@breaks("manifest-malformed")
def manifest_without_its_last_newline(bundle):
    path = bundle / "MANIFEST.sha256"
    path.write_bytes(path.read_bytes() + b"# more")
    reseal(bundle)


@breaks("manifest-malformed")
def manifest_with_an_odd_name(bundle):
    add_line(bundle, "-rf")
    reseal(bundle)


@breaks("manifest-escapes")
def manifest_names_a_parent(bundle):
    add_line(bundle, "../outside")
    reseal(bundle)


@breaks("manifest-escapes")
def manifest_names_an_absolute_path(bundle):
    add_line(bundle, "/etc/hostname")
    reseal(bundle)


@breaks("manifest-reserved")
def manifest_lists_the_seal(bundle):
    add_line(bundle, "SEAL.json")
    reseal(bundle)


@breaks("manifest-reserved")
def manifest_lists_derived(bundle):
    add_line(bundle, "derived/results.json")
    reseal(bundle)


@breaks("manifest-unsorted", coreutils="blind")
def manifest_reversed(bundle):
    set_manifest(bundle, manifest_lines(bundle)[::-1])
    reseal(bundle)


@breaks("manifest-duplicate", coreutils="blind")
def manifest_with_a_line_twice(bundle):
    lines = manifest_lines(bundle)
    set_manifest(bundle, [*lines, lines[-1]])
    reseal(bundle)


@breaks("file-symlink")
def file_behind_a_link(bundle):
    outside = bundle.parent / "outside.yaml"
    (bundle / PLAN).rename(outside)
    (bundle / PLAN).symlink_to(outside)


@breaks("file-symlink")
def folder_behind_a_link(bundle):
    (bundle / "more").symlink_to("inputs")


@breaks("file-special", coreutils="hang")
def fifo_in_place_of_a_file(bundle):
    replace(bundle / PLAN, os.mkfifo)


@breaks("file-special")
def device_added(bundle):
    try:
        os.mknod(bundle / "null", 0o20600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device needs root")


@breaks("file-special")
def socket_added(bundle):
    bind(bundle / "socket")


@breaks("folder-empty")
def empty_folder_added(bundle):
    (bundle / "host").mkdir()


@breaks("file-unreadable")
def folder_too_deep(bundle):
    nest_beyond_path_max(bundle)


@breaks("case-collision", coreutils="blind")
def name_in_another_case(bundle):
    (bundle / "inputs/Plan.yaml").write_bytes((bundle / PLAN).read_bytes())
    digest = making.sha256((bundle / PLAN).read_bytes())
    lines = [*manifest_lines(bundle), f"{digest}  inputs/Plan.yaml"]
    set_manifest(bundle, sorted(lines, key=lambda line: line[66:]))
    reseal(bundle)


@breaks("derived-changed", coreutils="blind")
def derived_edited(bundle):
    flip(making.judged(bundle) / "results.json")


@breaks("derived-missing", coreutils="blind")
def derived_dropped(bundle):
    (making.judged(bundle) / "results.json").unlink()


@breaks("derived-extra", coreutils="blind")
def derived_added(bundle):
    (making.judged(bundle) / "figures/more.svg").write_text("")


@breaks("derived-unlisted", coreutils="blind")
def derived_without_its_list(bundle):
    (making.judged(bundle) / "DERIVED.sha256").unlink()


@breaks("derived-malformed", "derived-extra", coreutils="blind")
def derived_list_without_provenance(bundle):
    edit_derived(bundle, lambda data: data.partition(b"\n")[2])


@breaks("derived-malformed", coreutils="blind")
def derived_list_with_an_unknown_key(bundle):
    edit_derived(bundle, lambda data: data.replace(b"{", b'{"note":1,', 1))


@breaks("derived-malformed", coreutils="blind")
def derived_list_names_itself(bundle):
    edit_derived(bundle, lambda data: data + b"0" * 64 + b"  DERIVED.sha256\n")


@breaks("derived-foreign", coreutils="blind")
def derived_from_another_seal(bundle):
    making.judged(bundle)
    (bundle / "SEAL.json").write_bytes((bundle / "SEAL.json").read_bytes() + b"\n")


@breaks("seal-unfinished", coreutils="blind")
def folder_named_as_unsealed(bundle):
    return bundle.rename(bundle.with_name(bundle.name + ".partial"))


@breaks("not-a-bundle", coreutils="cannot start")
def folder_replaced_by_a_file(bundle):
    bundle.rename(bundle.parent / "away")
    bundle.write_text("")

"""The index: every change in the middle of the chain is found, and a killed append is undone."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundle import index
from bundle.errors import DiskFullError, IndexBrokenError
from tests.bundle import making

CHECKOUT = Path(__file__).parents[2]


def name(number):
    return f"{making.NAME}-{number}"


def seal(number):
    return making.sha256(str(number).encode())


@pytest.fixture
def path(tmp_path):
    for number in range(4):
        index.append(tmp_path, name(number), seal(number))
    return tmp_path / "index.jsonl"


@contextmanager
def file_size_limit(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_are_chained_as_the_shell_can_check(path):
    lines = index.read(path.parent)
    assert [line.id for line in lines] == [name(number) for number in range(4)]
    shell = subprocess.run(
        ["sh", "-c", "sed -n 3p index.jsonl | sha256sum | cut -c -64"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert lines[3].previous == shell.stdout.strip()


def test_a_folder_without_an_index_has_no_lines(tmp_path):
    assert index.read(tmp_path) == ()


def test_a_bundle_is_added_once(path):
    before = path.read_bytes()
    line = index.append(path.parent, name(1), seal(1))
    assert path.read_bytes() == before
    assert line == index.read(path.parent)[1]


def test_the_same_bundle_under_another_seal_is_another_line(path):
    index.append(path.parent, name(1), seal(99))
    assert [line.seal for line in index.read(path.parent) if line.id == name(1)] == [
        seal(1),
        seal(99),
    ]


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [lines[0], lines[1].replace(b"-1", b"-9"), *lines[2:]], 3),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], 3),
        (lambda lines: [*lines[:3], lines[3].rstrip(b"\n")], 4),
        (lambda lines: [*lines, b"{}\n"], 5),
    ],
    ids=["dropped", "swapped", "edited", "doubled", "blank", "unended", "foreign"],
)
def test_a_broken_chain_is_found_at_its_line(path, edit, place):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(edit(lines)))
    with pytest.raises(IndexBrokenError) as error:
        index.read(path.parent)
    assert error.value.where.endswith(f":{place}")


def test_what_a_killed_append_left_is_undone(path):
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"schema":"index/1","id":"2026')
    index.append(path.parent, name(4), seal(4))
    assert path.read_bytes().startswith(whole)
    assert len(index.read(path.parent)) == 5


def test_a_last_line_that_only_lost_its_newline_is_kept(path):
    whole = path.read_bytes()
    path.write_bytes(whole.rstrip(b"\n"))
    index.append(path.parent, name(4), seal(4))
    assert path.read_bytes().startswith(whole)
    assert len(index.read(path.parent)) == 5


def test_no_room_for_the_whole_line_leaves_none_of_it(path):
    whole = path.read_bytes()
    with file_size_limit(len(whole) + 10), pytest.raises(DiskFullError, match="sealed"):
        index.append(path.parent, name(4), seal(4))
    assert path.read_bytes() == whole
    index.append(path.parent, name(4), seal(4))
    assert len(index.read(path.parent)) == 5


def test_many_processes_append_to_one_chain(tmp_path):
    program = (
        "import sys; from pathlib import Path; from bundle import index\n"
        "who = int(sys.argv[2])\n"
        "for i in range(20):\n"
        f"    index.append(Path(sys.argv[1]), f'{making.NAME}-{{who * 20 + i}}', f'{{who:064x}}')\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path, str(who)], cwd=CHECKOUT)
        for who in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert len({line.id for line in index.read(tmp_path)}) == 80

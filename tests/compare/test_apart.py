"""Two folders of one name run as two services, whose code differs in nothing but that name."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ormlab.base.errors import PlanError
from ormlab.compare import apart, course
from ormlab.compare.plan import Request
from ormlab.compare.spec import parse
from ormlab.run.measure import record
from ormlab.subject import scaffold

PARTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)


@pytest.fixture
def folders(tmp_path):
    """Two folders ``mine``, below ``base`` and ``head``."""
    made = [tmp_path / side / "speed/mine" for side in ("base", "head")]
    for folder in made:
        scaffold.create(folder, package=None, like=None)
    return made


def test_they_are_named_by_the_first_part_of_their_paths_that_differs(folders, tmp_path):
    specs = [parse(f"{folder}{{pool.size=5}}") for folder in folders]
    made, notes = apart.renamed(specs, tmp_path / "copies")
    assert [each.service.name for each in made] == ["mine_base", "mine_head"]
    assert [each.settings for each in made] == [each.settings for each in specs]
    assert [note.split()[0] for note in notes] == ["mine_base", "mine_head"]


def test_a_copy_differs_in_nothing_but_its_name(folders, tmp_path):
    (folders[1] / "data.bin").write_bytes(b"\xff workloads.services.mine_too")
    (_, head), _ = apart.renamed([parse(str(each)) for each in folders], tmp_path / "copies")
    copied = {path.name: path.read_bytes() for path in head.service.folder.iterdir()}
    assert copied.keys() == {path.name for path in folders[1].iterdir()}
    for name, data in copied.items():
        mine = re.sub(rb"\bworkloads\.services\.mine_head\b", b"workloads.services.mine", data)
        assert mine == (folders[1] / name).read_bytes()
    assert b"from workloads.services.mine_head import statements" in copied["repository.py"]


def test_a_folder_that_is_given_twice_and_services_of_the_lab_stay(folders, tmp_path):
    specs = [parse(text) for text in (str(folders[0]), f"{folders[0]}{{pool.size=5}}", "asyncpg")]
    made, notes = apart.renamed(specs, tmp_path / "copies")
    assert made == tuple(specs)
    assert notes == ()
    assert not (tmp_path / "copies").exists()


def test_a_comparison_of_both_has_the_code_of_both(folders):
    code = folders[1] / "repository.py"
    code.write_text(f"{code.read_text()}# changed\n")
    specs = tuple(parse(str(folder)) for folder in folders)
    with course.decided(Request(specs=specs, seed=1)) as resolved:
        assert list(resolved.plan.subjects) == ["mine-base", "mine-head"]
        inputs = record.inputs(resolved)
    assert not inputs["inputs/services/mine_base/repository.py"].endswith(b"# changed\n")
    assert inputs["inputs/services/mine_head/repository.py"].endswith(b"# changed\n")
    assert any("only the name was changed" in each for each in resolved.plan.assumptions)


def test_folders_that_no_part_names_are_refused_as_before(tmp_path):
    made = [tmp_path / side / "mine" for side in ("_", "-")]
    for folder in made:
        scaffold.create(folder, package=None, like=None)

    def decide():
        with course.decided(Request(specs=tuple(parse(str(each)) for each in made), seed=1)):
            pass

    with pytest.raises(PlanError, match="two folders have the name 'mine'"):
        decide()


@given(st.lists(PARTS, min_size=2, max_size=4))
def test_a_part_is_where_paths_begin_to_differ(several):
    paths = [Path("/", *parts) for parts in several]
    columns = enumerate(zip_longest(*(path.parts for path in paths)))
    first = next((at for at, parts in columns if len({*parts}) > 1), len(paths[0].parts))
    for path in paths:
        assert apart.part(path, paths) == "".join(path.parts[first : first + 1])

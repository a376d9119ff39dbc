from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from analysis import resources
from bundle.documents.readings import Sampler

SAMPLER = Sampler(cpu_s=0.0, readings=0, tick_hz=100, page_bytes=4096)
SECOND = 1_000_000_000


@pytest.fixture
def write(tmp_path):
    def table(*rows):
        names = ("round", "at_ns", "role", "pid", "user_ticks", "system_ticks", "rss_pages")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        path = tmp_path / "resources.parquet"
        pq.write_table(pa.table(columns), path, write_page_checksum=True)
        return path

    return table


def test_cpu_time_is_interpolated_at_both_ends_of_the_window(write):
    path = write(
        (1, 0 * SECOND, "service", 7, 0, 0, 10),
        (2, 2 * SECOND, "service", 7, 100, 100, 20),
        (3, 4 * SECOND, "service", 7, 100, 100, 30),
    )
    used = resources.read(path, SAMPLER, (1 * SECOND, 3 * SECOND))
    assert used.cpu_s["service"] == pytest.approx(1.0)


def test_processes_of_a_role_are_added_and_roles_kept_apart(write):
    path = write(
        (1, 0, "database", 1, 0, 0, 100),
        (1, 1, "database", 2, 10, 0, 50),
        (2, SECOND, "database", 1, 30, 0, 100),
        (2, SECOND + 1, "database", 2, 10, 10, 150),
        (2, SECOND + 2, "load", 3, 0, 0, 1),
    )
    used = resources.read(path, SAMPLER, (0, SECOND + 5))
    assert used.cpu_s == {"service": None, "database": pytest.approx(0.4), "load": 0.0}
    assert used.peak_rss_bytes == {"service": None, "database": 250 * 4096, "load": 4096}


def test_a_process_that_came_and_went_is_counted_once_by_its_parent(write):
    path = write(
        (1, 0, "database", 1, 0, 0, 1),
        (2, SECOND, "database", 1, 0, 0, 1),
        (2, SECOND, "database", 2, 20, 0, 1),
        (3, 2 * SECOND, "database", 1, 30, 0, 1),
        (4, 3 * SECOND, "database", 1, 30, 0, 1),
    )
    sampler = structs.replace(SAMPLER, ended_children=True)
    assert resources.read(path, sampler, (0, 3 * SECOND)).cpu_s["database"] == pytest.approx(0.3)


def test_a_flipped_bit_in_the_samples_is_noticed(write):
    path = write(*((n, n * SECOND, "service", 7, n, 0, 10) for n in range(200)))
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match=r"CRC|[Cc]orrupt|checksum"):
        resources.read(path, SAMPLER, (0, SECOND))


def test_the_course_of_several_roles_keeps_what_one_has_used_while_another_is_seen(write):
    path = write(
        (1, 0, "load", 8, 5, 0, 1),
        (1, 10, "service", 7, 1, 0, 1),
        (1, 20, "service", 9, 2, 0, 1),
        (2, SECOND, "service", 7, 4, 0, 1),
        (3, 2 * SECOND, "load", 8, 6, 1, 1),
        (3, 2 * SECOND, "service", 7, 4, 1, 1),
    )
    course = resources.read_course(path)
    assert course.looks["service"].at_ns.tolist() == [10, SECOND, 2 * SECOND]
    assert course.looks["service"].ticks.tolist() == [3, 4, 5]
    assert len(course.looks["database"]) == 0
    both = course.together("service", "load")
    assert both.at_ns.tolist() == [0, 10, SECOND, 2 * SECOND, 2 * SECOND]
    assert both.ticks.tolist() == [5, 8, 9, 11, 12]
    assert both.within((10, SECOND)).ticks.tolist() == [8, 9]

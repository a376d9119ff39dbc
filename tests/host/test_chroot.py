"""What the tier T3 rests on: a root that is a host of its own, and is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.host import chroot, root

pytestmark = pytest.mark.tier("T3")
PLAY = """
- name: Two files
  hosts: bench
  gather_facts: false
  tasks:
    - name: Write one
      ansible.builtin.copy:
        content: one
        dest: /etc/one
        mode: "0644"
    - name: Refuse
      ansible.builtin.fail:
        msg: no more
"""


@pytest.fixture(autouse=True)
def _possible():
    if reason := root.why_not():
        pytest.skip(reason)


def test_a_playbook_changes_the_root_and_nothing_else(tmp_path):
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    with chroot.started(tmp_path) as host:
        first, second = host.play(playbook), host.play(playbook)
        assert (host.tree / "etc/one").read_text() == "one"
    assert first.changed == ["Write one"], first.output
    assert (second.changed, second.failed) == ([], ["no more"])
    assert not Path("/etc/one").exists()


def test_without_a_network_there_is_no_way_out(tmp_path):
    with chroot.started(tmp_path, network=False) as host:
        assert host.run("ip", "route").stdout == ""
        assert "lo" in host.run("ip", "-brief", "link", "show", "up").stdout


def test_what_it_starts_ends_with_it(tmp_path):
    with chroot.started(tmp_path) as host:
        host.run("sh", "-c", "sleep 86399 >/dev/null 2>&1 &")
        (inside,) = (each for each in psutil.process_iter() if "86399" in _command(each))
    psutil.wait_procs([inside], timeout=60)
    assert not inside.is_running()


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []

"""The test hosts themselves: they boot, are apart from this machine, and leave nothing behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.host.booted.conftest import laboratory

pytestmark = pytest.mark.tier("T4a")


def test_a_host_runs_systemd_and_has_no_way_out(lab):
    machine = lab.machines["bench1"]
    assert machine.run("systemctl", "is-system-running", "--wait").strip() == "running"
    assert machine.run("hostname").strip() == "bench1"
    assert [line.strip() for line in machine.run("ip", "route").splitlines()] == [
        f"10.77.0.0/24 dev eth0 proto kernel scope link src {machine.address}"
    ]


def test_a_service_can_be_pinned_and_the_kernel_confirms_it(lab):
    machine = lab.machines["bench1"]
    asked = ["systemd-run", "--wait", "--pipe", "--quiet", "--property=CPUAffinity=0"]
    status = machine.run(*asked, "grep", "Cpus_allowed_list", "/proc/self/status")
    assert status.split() == ["Cpus_allowed_list:", "0"]


def test_hosts_reach_each_other_and_nothing_of_them_is_left(tmp_path):
    with laboratory(tmp_path, "db", "app") as made:
        db, app = made.machines.values()
        assert db.address != app.address
        look = ["sh", "-c", f"exec 3<>/dev/tcp/{app.address}/22; read -r line <&3; echo $line"]
        assert "OpenSSH" in db.run("bash", *look[1:])
        inits = [Path(f"/proc/{machine.init}") for machine in made.machines.values()]
        networks = [Path(machine.namespace.path) for machine in made.machines.values()]
        assert all(path.exists() for path in inits + networks)
    assert not any(path.exists() for path in inits + networks)
    assert not list(tmp_path.glob("root-*"))
    mounted = subprocess.run(["mount"], check=True, capture_output=True, text=True).stdout
    assert str(tmp_path) not in mounted

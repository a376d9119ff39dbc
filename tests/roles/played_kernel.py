"""A folder that simulates a host: ordinary files, and the parts of a kernel that knobs need.

Tests run the whole roles on it through Ansible, for hosts that nobody has. `played_host` puts this
file into the folder, and the package `host` loads it as a module of its own, here and as Ansible
ships it: imports are relative to that package. It simulates

- lists of choices, which keep their list; an unavailable governor is EINVAL;
- the switch for SMT: siblings go offline, their files disappear, the lists of the others shrink;
  their cpufreq policies stay and answer EBUSY, as in drivers/cpufreq/cpufreq.c since Linux 5.19;
- the governor ``performance``, which sets the energy preference to its own name and refuses any
  other (EBUSY), as in drivers/cpufreq/amd-pstate.c and intel_pstate.c; another governor leaves it
  so (FeralInteractive/gamemode#419);
- the global switch of boost, which sets the switches of the policies;
- the limits of dirty memory, in bytes or as a share: setting one clears the other, and less than
  two pages is EINVAL, as in mm/page-writeback.c;
- swap and systemd, with the pitfalls of the real one: daemon-reload pins nothing, and removing
  AllowedCPUs= leaves processes pinned.

Files below ``.played/`` control the rest. ``refuses.json`` maps a pattern of paths to the name of
an error. ``ignores.json`` lists patterns of paths where a write has no effect. Three files list
units: ``active.json`` the running ones, ``activating.json`` the one-shot units at work,
``failing.json`` the units that cannot start.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from .cpus import CPUS, as_list, cpu_list
from .kernel import CONTROL, Kernel, NotTaken, NotTunable

if TYPE_CHECKING:
    from pathlib import Path

_CGROUPS = "sys/fs/cgroup"
_OF_ONLINE_CPUS = ("topology", "cache", "cpuidle")
_POLICY = re.compile(rf"{CPUS}/(?:cpu(\d+)/cpufreq|cpufreq/policy(\d+))/")
_DIRTY = re.compile(r"(proc/sys/vm/dirty(?:_background)?)_(bytes|ratio)")
_PREFERENCE = "energy_performance_preference"
_TWO_PAGES = 8192
_SWAP_KIB = 8388604
_SIBLINGS = ("topology/thread_siblings_list", "cache/index3/shared_cpu_list")


class PlayedKernel(Kernel):
    """See the module."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._aside = root / ".played"

    def read(self, path: str) -> str:
        """Read as the kernel would."""
        self._require_active(path)
        return super().read(path)

    def write(self, path: str, text: str) -> None:
        """Write as the kernel would."""
        self._require_active(path)
        refused: dict[str, str] = {}
        for pattern, error in self._control("refuses", refused).items():
            if fnmatch(path, pattern):
                number = getattr(errno, error)
                raise OSError(number, os.strerror(number), path)
        if any(fnmatch(path, pattern) for pattern in self._units("ignores")):
            return
        old = self.read(path)
        if "[" in old:
            words = old.replace("[", "").replace("]", "").split()
            self._require(text in words, path)
            text = " ".join(f"[{word}]" if word == text else word for word in words)
        if path.endswith("scaling_governor"):
            offered = path.replace("scaling_governor", "scaling_available_governors")
            self._require(not self.exists(offered) or text in self.read(offered).split(), path)
        if path.endswith(_PREFERENCE) and text != "performance":
            governor = path.replace(_PREFERENCE, "scaling_governor")
            if self.exists(governor) and self.read(governor) == "performance":
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        if path.endswith("_bytes") and _DIRTY.fullmatch(path):
            self._require(int(text) >= _TWO_PAGES, path)
        if "\t" in old:  # several numbers
            text = "\t".join(text.split())
        super().write(path, text)
        self._follow(path, text)

    def _follow(self, path: str, text: str) -> None:
        """Change the other files that a write changes."""
        if limit := _DIRTY.fullmatch(path):
            other = "ratio" if limit[2] == "bytes" else "bytes"
            super().write(f"{limit[1]}_{other}", "0")
        preference = path.replace("scaling_governor", _PREFERENCE)
        if text == "performance" and preference != path and self.exists(preference):
            super().write(preference, text)
        if path == f"{CPUS}/smt/control":
            self._switch_smt(on=text == "on")
        if path == f"{CPUS}/cpufreq/boost":
            for policy in self.find(f"{CPUS}/cpufreq/policy*/boost"):
                super().write(policy, text)

    def systemctl(self, *arguments: str) -> str:
        """The few commands that the knobs use."""
        if not self.has_systemd():
            raise NotTunable("systemd does not run here")
        command, *rest = arguments
        if command == "is-active":
            return next(
                (s for s in ("active", "activating") if rest[0] in self._units(s)), "inactive"
            )
        if command in {"start", "stop"}:
            if command == "start" and not self._starts(rest[0]):
                raise NotTaken(f"systemctl start {rest[0]}: Job failed")
            self._set_units("activating", self._units("activating") - {rest[0]})
            started = {rest[0]} if command == "start" else set()
            self._set_units("active", self._units("active") - {rest[0]} | started)
        if command == "set-property":
            self._pin(rest[0], rest[1].removeprefix("AllowedCPUs="))
        if command == "daemon-reload":
            for group in self.find(f"{_CGROUPS}/*/cpuset.cpus"):
                if not self.exists(f"{CONTROL}/{group.split('/')[-2]}.d"):
                    (self.root / group).unlink()
        return ""

    def set_swap(self, device: str, priority: int | None) -> None:
        """Change /proc/swaps, which has the name that a link leads to."""
        real = (self.root / device.lstrip("/")).resolve().relative_to(self.root.resolve())
        device = f"/{real}"
        head, *lines = self.read("proc/swaps").splitlines()
        others = [line for line in lines if line.split()[0] != device]
        if priority is not None:
            others.append(f"{device} partition {_SWAP_KIB} 0 {priority}")
        elif others == lines:
            raise NotTaken(f"swapoff {device}: Invalid argument")
        super().write("proc/swaps", "\n".join([head, *others]))

    def _starts(self, unit: str) -> bool:
        """Whether a unit can start; a timer cannot while its service is masked."""
        service = self.root / "etc/systemd/system" / f"{unit.removesuffix('.timer')}.service"
        untriggered = unit.endswith(".timer") and service.is_symlink()
        return unit not in self._units("failing") and not untriggered

    def _units(self, state: str) -> set[str]:
        return set(self._control(state, []))

    def _set_units(self, state: str, units: set[str]) -> None:
        (self._aside / f"{state}.json").write_text(json.dumps(sorted(units)))

    def _control[T](self, name: str, default: T) -> T:
        """The content of a file below ``.played/``."""
        path = self._aside / f"{name}.json"
        content: T = json.loads(path.read_text()) if path.exists() else default
        return content

    @staticmethod
    def _require(holds: bool, path: str) -> None:  # noqa: FBT001 - one condition
        if not holds:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)

    def _require_active(self, path: str) -> None:
        """Refuse a policy whose CPU is offline."""
        policy = _POLICY.match(path)
        if policy and int(policy[1] or policy[2]) not in self.online():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)

    def _pin(self, unit: str, cpus: str) -> None:
        control = self.root / CONTROL / f"{unit}.d"
        control.mkdir(parents=True, exist_ok=True)
        (control / "50-AllowedCPUs.conf").write_text(f"AllowedCPUs={cpus}\n")
        group = self.root / _CGROUPS / unit
        (group / "cpuset.cpus").write_text(f"{cpus}\n")
        for pid in (group / "cgroup.procs").read_text().split():
            status = self.root / "proc" / pid / "status"
            lines = [
                f"Cpus_allowed_list:\t{cpus}" if line.startswith("Cpus_allowed_list") else line
                for line in status.read_text().splitlines()
            ]
            status.write_text("\n".join(lines) + "\n")

    def _switch_smt(self, *, on: bool) -> None:
        """Take the second threads offline, or bring them back with the files they had."""
        kept = self._aside / "offline"
        if on:
            online = cpu_list((kept / "online").read_text())
            for cpu in online:
                own = kept / f"cpu{cpu}"
                shutil.copytree(own, self.root / CPUS / own.name, dirs_exist_ok=True)
            shutil.rmtree(kept)
        else:
            cpus = cpu_list(self.read(f"{CPUS}/online"))
            siblings = {
                cpu: cpu_list(self.read(f"{CPUS}/cpu{cpu}/topology/thread_siblings_list"))
                for cpu in cpus
            }
            online = [cpu for cpu in cpus if cpu == siblings[cpu][0]]
            for cpu in cpus:
                self._set_aside(cpu, online, kept)
            (kept / "online").write_text(as_list(cpus))
        super().write(f"{CPUS}/online", as_list(online))
        super().write(f"{CPUS}/smt/active", str(int(on)))

    def _set_aside(self, cpu: int, online: list[int], kept: Path) -> None:
        folder, aside = self.root / CPUS / f"cpu{cpu}", kept / f"cpu{cpu}"
        if cpu in online:
            for name in (name for name in _SIBLINGS if (folder / name).exists()):
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / name, aside / name)
                left = [each for each in cpu_list((folder / name).read_text()) if each in online]
                (folder / name).write_text(f"{as_list(left)}\n")
        else:
            aside.mkdir(parents=True)
            for name in _OF_ONLINE_CPUS:
                if (folder / name).is_dir():
                    shutil.move(folder / name, aside / name)

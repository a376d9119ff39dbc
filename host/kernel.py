"""The one seam to a host: the kernel's files below a root, and systemd if it runs."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from .cpus import CPUS, cpu_list
from .environment import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTROL = "etc/systemd/system.control"
_TIMEOUT_S = 120  # systemd gives a unit 90 s to stop


class NotReadable(Exception):  # noqa: N818 - an outcome that is recorded, not a fault
    """This host does not say; the message says why, in the words of a reader."""


class NotTunable(Exception):  # noqa: N818 - an outcome that is recorded, not a fault
    """Nobody can change this setting on this host, as in a container; the message says why."""


class NotTaken(Exception):  # noqa: N818 - an outcome that is recorded, not a fault
    """The host accepted a change but did not apply it; the message says what it shows."""


@dataclass
class Files:
    """The files of a host. Every path is relative to its root."""

    root: Path  #: ``/`` on a real host; a folder that simulates a host has another

    def read(self, path: str) -> str:
        """The content of a file, stripped."""
        return (self.root / path).read_text().strip()

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return (self.root / path).exists()

    def find(self, pattern: str) -> list[str]:
        """The paths that match, numbers in their order."""
        paths = [path.relative_to(self.root).as_posix() for path in self.root.glob(pattern)]
        return sorted(paths, key=_natural)

    def find_active(self, pattern: str) -> list[str]:
        """As `find`, without the files of inactive cpufreq policies.

        The policy of an offline CPU keeps its files, and they answer EBUSY: since Linux 5.19,
        show() and store() of drivers/cpufreq/cpufreq.c.
        """
        return [path for path in self.find(pattern) if not self._is_busy(path)]

    def _is_busy(self, path: str) -> bool:
        try:
            self.read(path)
        except OSError as problem:
            return problem.errno == errno.EBUSY
        return False

    def online(self) -> list[int]:
        """The CPUs that are online."""
        return cpu_list(self.read(f"{CPUS}/online"))

    def of_each_cpu(self, path: str) -> list[str]:
        """A file of every online CPU: each content once, sorted."""
        return sorted({self.read(f"{CPUS}/cpu{cpu}/{path}") for cpu in self.online()})

    def of_files(self, pattern: str) -> list[str]:
        """Every file that matches: each content once, sorted.

        Raises:
            NotReadable: none matches.
        """
        files = self.find(pattern)
        if not files:
            raise NotReadable(f"there is no /{pattern}")
        return sorted({self.read(file) for file in files})

    def pairs(self, path: str, separator: str) -> dict[str, str]:
        """Name and value of each line of a file, both stripped; of a repeated name the first."""
        pairs: dict[str, str] = {}
        for line in self.read(path).splitlines():
            name, _, value = line.partition(separator)
            pairs.setdefault(name.strip(), value.strip())
        return pairs

    def choice(self, path: str) -> str:
        """The bracketed word of a file such as ``always [madvise] never``.

        Raises:
            NotReadable: no word is in brackets.
        """
        word = self.read(path).partition("[")[2].partition("]")[0]
        if not word:
            raise NotReadable(f"/{path} marks no choice")
        return word

    def release(self) -> dict[str, str]:
        """The variables of os-release(5), by name; none where there is no such file."""
        for path in ("etc/os-release", "usr/lib/os-release"):
            if self.exists(path):
                pairs = self.pairs(path, "=")
                return {name: _unquoted(value) for name, value in pairs.items()}
        return {}


class Kernel(Files):
    """A host that can be changed, too."""

    def write(self, path: str, text: str) -> None:
        """Write an existing file; the kernel may reject the text."""
        descriptor = os.open(self.root / path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, f"{text}\n".encode())
        finally:
            os.close(descriptor)

    def has_systemd(self) -> bool:
        """Whether systemd is PID 1; otherwise its answers mean nothing (sd_booted(3))."""
        return self.exists("run/systemd/system")

    def systemctl(self, *arguments: str) -> str:
        """Run systemctl and return its output; ``is-active`` may exit with any status.

        Raises:
            NotTunable: systemd does not run here.
            NotTaken: a command failed, or did not end in time.
        """
        if not self.has_systemd():
            raise NotTunable("systemd does not run here")
        try:
            answer = _run(["systemctl", *arguments])
        except subprocess.TimeoutExpired as problem:
            said = f"systemctl {' '.join(arguments)}: did not end within {problem.timeout:g} s"
            raise NotTaken(said) from None
        if answer.returncode and arguments[0] != "is-active":
            raise NotTaken(f"systemctl {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def set_swap(self, device: str, priority: int | None) -> None:
        """Swap to a device with a priority, or stop (None). The kernel chooses negative priorities.

        Raises:
            NotTaken: swapon or swapoff failed; the message says why.
        """
        if priority is None:
            command = ["swapoff", device]
        else:
            chosen = ["--priority", str(priority)] if priority >= 0 else []
            command = ["swapon", *chosen, device]
        # Emptying a full swap takes as long as the disk needs.
        answer = _run(command, timeout_s=None)
        if answer.returncode:
            raise NotTaken(f"{' '.join(command)}: {answer.stderr.strip()}")

    def remove(self, path: str) -> None:
        """Remove one of the lab's files, and the folders above it that become empty."""
        (self.root / path).unlink(missing_ok=True)
        for folder in (self.root / path).parents:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # it is not empty
                break


def kernel_at(root: Path) -> Kernel:
    """The host below a root: this machine, or a folder that brings the kernel it simulates.

    The code of that kernel is executed.

    Raises:
        ValueError: the folder brings none.
    """
    if root == Path("/"):
        return Kernel(root)
    brought = root / ".played/kernel.py"
    spec = spec_from_file_location(f"{__package__}.played", brought)
    if not brought.is_file() or spec is None or spec.loader is None:
        raise ValueError(f"the root {root} is no host: it brings no {brought.relative_to(root)}")
    played = module_from_spec(spec)
    spec.loader.exec_module(played)
    kernel: Kernel = played.PlayedKernel(root)
    return kernel


def _run(
    command: Sequence[str], timeout_s: float | None = _TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment("tool"),
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def _natural(path: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _unquoted(value: str) -> str:
    return re.sub(r"\\([\\$\"'`])", r"\1", value.strip("\"'"))

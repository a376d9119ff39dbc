"""The page of what each program gets of its caller's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from host import mirror
from host.environment import PROGRAMS, fixed, passed

if TYPE_CHECKING:
    from host.environment import Program

_HEAD = """\
A program that the lab starts does not inherit its caller's environment variables.
`host/environment.py` makes the environment of each program from the table below, on this machine
and on hosts. A test holds every place that starts a process against the table. So
`PYTHONASYNCIODEBUG`, `LD_PRELOAD`, `PGSSLMODE`, `GIT_DIR` or `PIP_USER` change neither what is
measured nor whether a run works.

- **On hosts** a line of shell does the same at login, before the agent starts. It also cuts off
  what sshd, PAM, `/etc/environment` and `~/.ssh/environment` set.
- **The locale** of every program is `C.UTF-8` or `C`. A caller's locale that the host lacks causes
  no failure.
- **The bundle records what was let through**, for agent, services, generators and PostgreSQL, in
  the facts of its host (`environment`). The home folder is `~` there, credentials are stars.
- **Each service reports on `/health` how its Python really runs.** No table can prevent
  `/etc/ld.so.preload`, so the gate `runtime` of [gates.md](gates.md) fails a trial whose service
  runs in a debug mode, under another allocator or with a preloaded library.
- **The orchestrator itself** runs with the variables it was given. What it cannot undo, such as
  `PYTHONMALLOC` or `LD_PRELOAD`, slows it down and reaches nothing that is measured.
"""
_PLACES = """\
## Mirrors, proxies, passwords

Hash-locked requirements decide what is installed. The machine decides where it comes from:

- Variables name a mirror for uv and pip: see `installer`.
- pip reads its own configuration files, but never installs for a user (`PIP_USER=0`).
- uv reads no configuration file (`UV_NO_CONFIG=1`), because `exclude-newer` or `resolution` there
  would change what is installed. From `uv.toml`, the user's and the system's, the lab itself passes
  on `index`, `index-url`, `extra-index-url`, `find-links`, `allow-insecure-host`, `native-tls` and
  `system-certs`, unless one of {said}
  is set. That needs a `python3` of 3.11 or newer.
- uv trusts the certificates that the system trusts, as pip does, so that a company's proxy works.
  `UV_SYSTEM_CERTS=false` keeps it to the list of its own.
- `UV_PYTHON_INSTALL_MIRROR` names a mirror for the interpreters that uv fetches.
- The lab does not read an inventory as you mean it if its variables, scripts or lookups need a
  variable that `ansible` does not get. Write the value into the inventory, or into a file that the
  inventory names.

No variable of the caller reaches a service, and no plan can set one. What tunes a service is part
of what is measured, so the plan names it.

## For developers

`environment(program, extra)` is the only source of the `env` of a process. Add a row to the table
for a new kind of program. `python -m host PROGRAM COMMAND...` runs a command in the environment of
its kind; the Makefile does that. `python -m tests.run.hostile_environments` runs a small plan under
some fifty hostile environments and prints how each run ended.
"""


def page(made: str) -> str:
    """The page in Markdown; ``made`` is the line that says who writes it."""
    table = "| program | what it is | lets through | sets |\n|---|---|---|---|"
    said = ", ".join(f"`{name}`" for name in mirror.SAID)
    head = ["# Environments\n", made, _HEAD, table]
    return "\n".join([*head, *map(_row, sorted(PROGRAMS)), "", _PLACES.format(said=said)])


def _row(program: Program) -> str:
    through = " ".join(f"`{name}`" for name in passed(program))
    sets = " ".join(f"`{name}={value}`" for name, value in sorted(fixed(program).items()))
    return f"| `{program}` | {PROGRAMS[program].what} | {through} | {sets} |"

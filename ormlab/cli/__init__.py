"""The command line: parses, renders, and decides nothing."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, ClassVar, NoReturn

import click

from agent import reach
from ormlab.base import checkout
from ormlab.base.errors import Exit, Interrupted, LabError
from ormlab.cli import (
    archive,
    catalog,
    claims,
    comment,
    compare,
    demo,
    diff,
    doctor,
    explain,
    fleet,
    host,
    importing,
    judge,
    plan,
    plans,
    profile,
    provision,
    releases,
    report,
    reproduce,
    run,
    streams,
    subject,
    verify,
)
from ormlab.cli.groups import Group
from ormlab.cli.output import complain, document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType


class _Lab(Group):
    """The commands, by what one wants."""

    sections: ClassVar[Mapping[str, Sequence[str]]] = {
        "Compare two things": (
            "demo",
            "compare",
            "comment",
            "plans",
            "plan",
            "run",
            "resume",
            "rerun",
            "fleet",
            "explain",
            "profile",
            "subject",
        ),
        "Put a published number on trial": ("import", "claims", "reproduce", "judge"),
        "Provision a machine": (
            "host",
            "preflight",
            "enroll",
            "provision",
            "drift",
            "doctor",
            "reboot",
            "untune",
            "uninstall",
        ),
        "Read and keep what was measured": (
            "report",
            "diff",
            "verify",
            "archive",
            "catalog",
            "releases",
        ),
    }


@click.group(
    cls=_Lab,
    context_settings={
        "help_option_names": ["-h", "--help"],
        # Not to colour anything, but to be shown escape sequences: else click drops them.
        "color": True,
    },
)
@click.version_option(package_name="ormlab")
def group() -> None:
    """Compare Python ORMs, and put published benchmark numbers on trial.

    \b
    Examples:
      ormlab compare sqlalchemy tortoise  # which is faster here? three minutes
      ormlab doctor                       # can this machine measure?
      ormlab plan demo                    # what a plan runs, and for how long
      ormlab run demo                     # run it, seal a bundle, print results
      ormlab verify bundles/<id>          # check it without trusting its maker

    Results go to standard output, everything else to standard error. A table has
    the width of the terminal, or of COLUMNS; in a pipe it has 150 characters.
    """


_COMMANDS = (
    demo,
    doctor,
    compare,
    comment,
    reproduce,
    plans,
    plan,
    importing,
    verify,
    judge,
    explain,
    profile,
    report,
    diff,
    releases,
)
for command in (
    *(module.command for module in _COMMANDS),
    run.run_command,
    run.resume_command,
    run.rerun_command,
    fleet.group,
    host.group,
    provision.preflight_command,
    provision.enroll_command,
    provision.provision_command,
    provision.drift_command,
    provision.reboot_command,
    provision.untune_command,
    provision.uninstall_command,
    archive.group,
    catalog.group,
    claims.group,
    subject.group,
):
    group.add_command(command)


def main() -> NoReturn:
    """Entry point: every error of the lab's own ends as one message and its exit code."""
    if "_ORMLAB_COMPLETE" in os.environ:  # a shell asks what can be typed; click answers in bytes
        group.main(prog_name="ormlab")
    # What uv fetches stays in the checkout, also where no make has said so.
    os.environ.setdefault("UV_PYTHON_INSTALL_DIR", str(checkout.STATE / "python"))
    streams.take_over()
    reach.let_others_read()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup(1) has the program ignore that its terminal was closed.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _as_interrupt)
    sys.exit(streams.ended(_carried_out(as_json="--json" in sys.argv[1:])))


def _carried_out(*, as_json: bool) -> int:
    """Carry out the command line, say what went wrong, and return the exit code."""
    try:
        group.main(standalone_mode=False)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.OK
    except (click.exceptions.Abort, KeyboardInterrupt):
        return complain(Interrupted("interrupted", "interrupted"), as_json=as_json)
    except click.ClickException as error:
        if as_json:
            usage = LabError("usage", error.format_message()).record()
            document("ormlab-error/1", {"exit_code": error.exit_code}, problems=[usage])
        error.show()
        return error.exit_code
    except LabError as error:
        return complain(error, as_json=as_json)
    return Exit.OK


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

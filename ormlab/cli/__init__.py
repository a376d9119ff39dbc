"""The command line: parses, renders, and decides nothing."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from agent import reach
from ormlab.base.errors import Exit, Interrupted, LabError
from ormlab.cli import (
    archive,
    catalog,
    claims,
    compare,
    diff,
    doctor,
    explain,
    judge,
    plan,
    provision,
    report,
    reproduce,
    run,
    streams,
    verify,
)
from ormlab.cli.output import complain, document

if TYPE_CHECKING:
    from types import FrameType


class _Group(click.Group):
    """The commands; a pipe that breaks inside one of them is a fault like any other.

    click takes each for a reader of standard output who left, and ends the program with 1 and
    without a word. The standard streams never raise it: see `ormlab.cli.streams`.
    """

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        try:
            return super().invoke(ctx)
        except BrokenPipeError as broken:
            raise RuntimeError("a pipe to another process broke") from broken


@click.group(
    cls=_Group,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        # Not to colour anything, but to be shown escape sequences: else click drops them.
        "color": True,
    },
)
@click.version_option(package_name="ormlab")
def group() -> None:
    """Compare Python ORMs, and put published benchmark numbers on trial.

    \b
    Examples:
      ormlab compare sqlalchemy tortoise   which is faster here? three minutes
      ormlab doctor                    can this machine measure?
      ormlab plan demo                 what a plan runs, and for how long
      ormlab run demo                  run it, seal the bundle, print the results
      ormlab verify bundles/<id>       check a bundle without trusting its maker

    Results go to standard output, everything else to standard error.
    """


_COMMANDS = (doctor, compare, reproduce, plan, verify, judge, explain, report, diff)
for command in (
    *(module.command for module in _COMMANDS),
    run.run_command,
    run.resume_command,
    run.rerun_command,
    provision.provision_command,
    provision.drift_command,
    provision.untune_command,
    provision.uninstall_command,
    archive.group,
    catalog.group,
    claims.group,
):
    group.add_command(command)


def main() -> NoReturn:
    """Entry point: every error of the lab's own ends as one message and its exit code."""
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

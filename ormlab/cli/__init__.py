"""The command line: parses, renders, and decides nothing."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from ormlab.cli import (
    archive,
    catalog,
    claims,
    diff,
    doctor,
    explain,
    judge,
    plan,
    provision,
    report,
    reproduce,
    rerun,
    resume,
    run,
    verify,
)
from ormlab.cli.output import complain, document
from ormlab.errors import Exit, LabError

if TYPE_CHECKING:
    from types import FrameType


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ormlab")
def group() -> None:
    """A laboratory in which published ORM benchmark numbers go on trial.

    \b
    Examples:
      ormlab doctor                    can this machine measure?
      ormlab plan demo                 what would run, and for how long
      ormlab run demo                  run it, seal the bundle, print the result
      ormlab verify bundles/<id>       check a bundle without trusting its maker

    Results go to standard output, everything else to standard error.
    """


for module in (
    doctor,
    run,
    resume,
    rerun,
    reproduce,
    plan,
    verify,
    judge,
    explain,
    report,
    diff,
):
    group.add_command(module.command)
group.add_command(provision.provision_command)
group.add_command(provision.drift_command)
group.add_command(provision.untune_command)
group.add_command(provision.uninstall_command)
group.add_command(archive.group)
group.add_command(catalog.group)
group.add_command(claims.group)


def main() -> NoReturn:
    """Entry point: every error of the lab's own ends as one message and its exit code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    as_json = "--json" in sys.argv[1:]
    try:
        group.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        told = {"code": "interrupted", "what": "interrupted", "where": "", "hint": ""}
        sys.exit(complain(told, Exit.INTERRUPTED, as_json=as_json))
    except click.ClickException as error:
        if as_json:
            told = {"code": "usage", "what": error.format_message(), "where": "", "hint": ""}
            document("ormlab-error/1", {"exit_code": error.exit_code}, problems=[told])
        error.show()
        sys.exit(error.exit_code)
    except LabError as error:
        sys.exit(complain(error.record(), error.exit_code, as_json=as_json))
    sys.exit(Exit.OK)


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

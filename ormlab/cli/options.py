"""Arguments and options that several commands take, so that they are called and explained alike."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from bundle.meant import meant
from ormlab import archive as archives
from ormlab.base import checkout


class Choice(click.Choice[str]):
    """One of several words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ANN401 - as click has it
        """With the word that may have been meant, as for a command or an option."""
        said = super().get_invalid_choice_message(value, ctx)
        return said + meant(str(value), self.choices, " {}").replace("did", "Did")


_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_S = 24 * 3600
_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65535

type Decorator = Callable[[Callable[..., None]], Callable[..., None]]

PATH = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Seconds(click.ParamType[float]):
    """A length of time, as in 90s, 3m or 1h."""

    name = "time"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Seconds, more than none and at most those of a day."""
        if isinstance(value, float):
            return value
        found = _TIME.fullmatch(value)
        seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
        if not 0 < seconds <= _LONGEST_S:
            self.fail(f"{value!r} is no time: write it as in 90s, 3m or 1h", param, ctx)
        return seconds


class ListenAddress(NamedTuple):
    """Where something is served."""

    host: str
    port: int  #: 0 for one that is free


class ListenAddressType(click.ParamType[ListenAddress]):
    """``PORT`` on the loopback interface, or ``HOST:PORT``."""

    name = "address"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> ListenAddress:
        """The address; whether it can be had, the server says."""
        if isinstance(value, ListenAddress):
            return value
        host, _, port = value.rpartition(":")
        if not (port.isascii() and port.isdecimal() and int(port) <= _LAST_PORT):
            self.fail(f"{value!r} is no port: write it as in 9300 or 127.0.0.1:9300", param, ctx)
        return ListenAddress(host or _LOOPBACK, int(port))


bundle = click.argument("bundle", type=PATH)


def _named(folder: Path) -> Callable[..., list[CompletionItem]]:
    """Completes the names of the files in a folder of the checkout; any file where none fits."""

    def complete(_ctx: object, _param: object, begun: str) -> list[CompletionItem]:
        names = sorted(file.stem for file in folder.glob("*.yaml") if file.stem.startswith(begun))
        return [CompletionItem(each) for each in names] or [CompletionItem(begun, type="file")]

    return complete


plan = click.argument("plan", shell_complete=_named(checkout.PLANS))
on_trial = click.argument("ledger", shell_complete=_named(checkout.LEDGERS))

archive = click.option(
    "--archive",
    "folder",
    type=FOLDER,
    default=archives.ARCHIVE,
    help="Folder of the archive.  [default: archive/]",
)

strict = click.option(
    "--strict", is_flag=True, help="Exit 4 if a claim was refuted, 5 if one is undecided."
)

ledger = click.option(
    "--ledger", help="Claims to judge: a file, or the name of one in workloads/ledgers/."
)

metric = click.option(
    "--metric",
    type=Choice(["throughput", "p50", "p99", "cpu_service"]),
    default="throughput",
    help="What the verdict is by.  [default: throughput]",
)

fail_if = click.option(
    "--fail-if",
    metavar="slower:P%",
    help="Exit 9 if a subject is slower than A by P % or more, 5 if that stays undecided.",
)

inventory = click.option(
    "--inventory",
    type=PATH,
    default=checkout.INVENTORY,
    help="Ansible inventory with the groups app, db and load.  [default: inventory/local.yml]",
)

metrics = click.option(
    "--metrics",
    type=ListenAddressType(),
    metavar="[HOST:]PORT",
    help="Serve the progress as metrics for Prometheus while the command lasts, on 127.0.0.1 "
    "unless a host is given; 0 takes a free port.",
)


def bundles(help_text: str) -> Decorator:
    """The folder in which bundles lie."""
    help_text = f"{help_text}  [default: bundles/]"
    return click.option("--bundles", type=FOLDER, default=checkout.BUNDLES, help=help_text)


def overrides[Shown](command: Callable[..., Shown]) -> Callable[..., Shown]:
    """Options that replace values of a plan; the command gets them as ``overrides``."""

    @click.option("--blocks", type=int, metavar="N", help="Blocks, in place of the plan's own.")
    @click.option(
        "--duration",
        "duration_s",
        type=Seconds(),
        metavar="TIME",
        help="Length of a window of every load, as in 5s.",
    )
    @click.option(
        "--warmup", "warmup_s", type=Seconds(), metavar="TIME", help="Warm-up of every load."
    )
    @click.option("--connections", type=int, metavar="N", help="Connections of every load.")
    @click.option("--seed", type=int, metavar="N", help="Seed, in place of the plan's own.")
    @functools.wraps(command)
    def overriding(
        *,
        blocks: int | None,
        duration_s: float | None,
        warmup_s: float | None,
        connections: int | None,
        seed: int | None,
        **others: Any,  # noqa: ANN401 - of the command
    ) -> Shown:
        from ormlab.plan import Overrides

        given = Overrides(blocks, seed, connections, duration_s, warmup_s)
        return command(overrides=given, **others)

    return overriding

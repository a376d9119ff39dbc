"""How a run's news look: a bar on a terminal, else one line a trial."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bar

from bundle.display import visible
from ormlab.cli.page import plain_console
from ormlab.cli.streams import bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ormlab.cli.options import ListenAddress
    from ormlab.run.progress import Progress, TrialNews


_SPEAKS_EVERY_S: Final = 10.0


@contextmanager
def reporter(metrics: ListenAddress | None = None) -> Iterator[Progress]:
    """The reporter that fits standard error, and serves metrics as well if there is an address.

    Raises:
        UsageError: the address cannot be had.
    """
    with _shown() as shown:
        if metrics is None:
            yield shown
            return
        from ormlab.cli.metrics import served

        with served(metrics, shown) as exposed:
            yield exposed


@contextmanager
def _shown() -> Iterator[Progress]:
    console = plain_console(bare(sys.stderr), colours="auto")
    if not sys.stderr.isatty() or console.is_dumb_terminal:
        with _Lines() as lines:
            yield lines
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    # What others print meanwhile is not led through rich, which would obey escape sequences in it.
    with Bar(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as bar:
        yield _OnTerminal(bar)


class _Lines:
    """One line for each event, and one for every ten seconds without any."""

    def __init__(self) -> None:
        self._doing = "starting"
        self._since = time.monotonic()
        self._over = Event()
        self._speaker = Thread(target=self._speak, daemon=True)

    def __enter__(self) -> Self:
        self._speaker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._speaker.join()

    def stage(self, what: str) -> None:
        self._begin(what)
        click.echo(f"- {visible(what)}", err=True)

    def warn(self, what: str) -> None:
        click.echo(f"warning: {visible(what)}", err=True)

    def note(self, what: str) -> None:
        click.echo(visible(what), err=True)

    def trial(self, news: TrialNews) -> None:
        self._begin("measuring")
        click.echo(visible(_line(news)), err=True)

    def _begin(self, what: str) -> None:
        self._doing, self._since = what, time.monotonic()

    def _speak(self) -> None:
        told = self._since
        while not self._over.wait(max(0.0, _SPEAKS_EVERY_S - time.monotonic() + told)):
            doing, since = self._doing, self._since
            told = max(told, since)
            if time.monotonic() - told >= _SPEAKS_EVERY_S:
                told = time.monotonic()
                click.echo(f"  {visible(doing)}: {told - since:.0f} s so far", err=True)


class _OnTerminal:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def stage(self, what: str) -> None:
        self._bar.update(self._task, description=visible(what))

    def warn(self, what: str) -> None:
        self._bar.console.print(f"warning: {visible(what)}", style="yellow")

    def note(self, what: str) -> None:
        self._bar.console.print(visible(what), style="bold")

    def trial(self, news: TrialNews) -> None:
        self._bar.console.print(visible(_line(news)))
        self._bar.update(
            self._task,
            description=f"measuring, {_duration(news.eta_s)} left",
            total=news.total,
            advance=1,
        )


def _line(news: TrialNews) -> str:
    """``[ 37/400] tortoise read-one wrk b07  8,741 req/s  p50 11.8 ms  ok  eta 2h14m``."""
    trial, figures = news.trial, news.figures
    position = f"[{trial.index:>{len(str(news.total))}}/{news.total}]"
    again = " again" if trial.repeat else ""
    name = f"{trial.subject} {trial.workload} {trial.load} b{trial.block:02d}{again}"
    measured = ""
    if figures:
        p50 = figures.latency_ms.get("p50")
        measured = f"  {figures.throughput:>8,.0f} req/s"
        measured += f"  p50 {p50:5.1f} ms" if p50 is not None else "  p50 -"
    return f"{position} {name:<34}{measured}  {news.status}  eta {_duration(news.eta_s)}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"

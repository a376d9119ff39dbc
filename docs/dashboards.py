"""Makes the dashboards of Grafana in monitoring/grafana/, with Grafana's own builders.

Samples are as far apart as runs are, and Prometheus forgets a sample after five minutes. Therefore
each query asks for the last sample of one step of the chart (``$__interval``) or of the whole range
(``$__range``). A test runs every query against a real Prometheus.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphDrawStyle, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from analysis.metrics import METRICS, PRIMARY
from ormlab.archive.exports.openmetrics import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable

_SOURCE: Final = DataSourceRef("prometheus", "${datasource}")
_PLACE: Final = 'orm="$orm", workload="$workload", load="$load", host="$host"'
_RELEASES: Final = f'{_PLACE}, compares="releases", metric="$metric"'
_SHOWN: Final = (PRIMARY, "p50", "p99", "cpu_service", "rss_service")
_UNITS: Final = {"req/s": "reqps", "ms": "s", "us/request": "s", "bytes": "bytes"}
_QUIET: Final = "#8e8e8e"
_WIDE: Final = 24  # columns of Grafana's grid
_HEIGHT: Final = 9
_SMALL: Final = 4
_COLUMNS: Final = {
    "release": "Release",
    "baseline_release": "Over",
    "Value #A": "Ratio",
    "Value #B": "Lower end of 95 %",
    "Value #C": "Upper end of 95 %",
    "verdict": "Verdict",
}


class Query(NamedTuple):
    """One query of a chart."""

    expr: str
    legend: str
    id: str = "A"


def pages() -> dict[str, str]:
    """The files by their names below docs/."""
    boards = {"releases": releases(), "run": live()}
    return {
        f"../monitoring/grafana/{name}.json": json.dumps(
            board.build(), cls=JSONEncoder, indent=1, sort_keys=True
        )
        + "\n"
        for name, board in boards.items()
    }


def releases() -> dashboard.Dashboard:
    """The history of an archive by release."""
    board = _board("ormlab-releases", "ORM releases", time_from="now-1y")
    for name in ("orm", "workload", "load", "host", "metric"):
        given = {"orm": ""}.get(name, 'orm="$orm", ')
        values = f'label_values(ormlab_comparison_ratio{{{given}compares="releases"}}, {name})'
        board.with_variable(_variable(name, values))
    board.annotation(
        dashboard.AnnotationQuery()
        .name("Runs")
        .datasource(_SOURCE)
        .enable(enable=False)
        .icon_color(_QUIET)
        .expr('last_over_time(ormlab_run_completed_trials{host="$host"}[$__interval])')
    )
    board.with_panel(_slower())
    board.with_panel(_ratios())
    board.with_panel(_verdicts())
    for metric in METRICS:
        if metric.name in _SHOWN:
            board.with_panel(_figures(metric.name, metric.unit, metric.better))
    return board


def live() -> dashboard.Dashboard:
    """The progress of a run, from `ormlab run --metrics`."""
    board = _board("ormlab-run", "ORM benchmark run", time_from="now-1h").refresh("5s")
    ended = "sum(ormlab_live_trials_ended_total) / max(ormlab_live_trials_planned)"
    stats = (
        ("Trials ended", ended, "percentunit"),
        ("Time left", "max(ormlab_live_remaining_seconds)", "s"),
        ("Warnings", "sum(ormlab_live_warnings_total)", "short"),
    )
    for title, expr, unit in stats:
        board.with_panel(
            _with(stat.Panel().title(title).unit(unit), [Query(expr, title)])
            .height(_SMALL)
            .span(_WIDE // len(stats))
        )
    of_trial = "{{subject}} {{workload}} {{load}}"
    charts = (
        ("Trials by outcome", "sum by (status) (ormlab_live_trials_ended_total)", "{{status}}", ""),
        ("Throughput", "ormlab_live_throughput_requests_per_second", of_trial, "reqps"),
        ("Median latency", "ormlab_live_p50_seconds", of_trial, "s"),
        ("Stage", "time() - ormlab_live_stage_started_timestamp_seconds", "{{stage}}", "s"),
    )
    for title, expr, legend, unit in charts:
        chart = timeseries.Panel().title(title).unit(unit or "short")
        board.with_panel(_with(chart, [Query(expr, legend)]).height(_HEIGHT).span(_WIDE // 2))
    return board


def _slower() -> stat.Panel:
    """How many releases are slower beyond the margin: what the alert fires on."""
    slower = f'ormlab_comparison_verdict{{{_RELEASES}, verdict="SLOWER"}}'
    beyond = f"ormlab_comparison_beyond_margin{{{_RELEASES}}}"
    expr = (
        f"count((last_over_time({slower}[$__range]) == 1) and ignoring(verdict) "
        f"(last_over_time({beyond}[$__range]) == 1)) or vector(0)"
    )
    panel = stat.Panel().title("Releases slower beyond the margin").unit("short")
    return _with(panel, [Query(expr, "")], instant=True).height(_SMALL).span(_WIDE)


def _ratios() -> timeseries.Panel:
    """Each release over the one before, with interval, margin and null control."""

    def last(name: str) -> str:
        return f"last_over_time(ormlab_comparison{name}_ratio{{{_RELEASES}}}[$__interval])"

    queries = (
        Query(last(""), "{{release}}", "A"),
        Query(last("_low"), "{{release}}, lower end of 95 %", "B"),
        Query(last("_high"), "{{release}}, upper end of 95 %", "C"),
        Query(last("_null"), "{{baseline_release}}, null control", "D"),
        Query(f"1 + max({last('_margin')})", "margin", "E"),
        Query(f"1 / (1 + max({last('_margin')}))", "margin, other side", "F"),
    )
    panel = _points("$metric of each release over the one before it", "").description(
        "A ratio with its 95 % interval, which the null control widened. Within the margin a "
        "difference counts as none."
    )
    _quiet(panel, "BCDEF")
    return _with(panel, queries).height(_HEIGHT + 2).span(_WIDE)


def _figures(metric: str, unit: str, better: str) -> timeseries.Panel:
    """One metric of every release, with its interval and the null control."""

    def last(part: str, arm: str) -> str:
        name = f"ormlab_{metric}_{part}_{UNITS[unit].name}"
        return f'last_over_time({name}{{{_PLACE}, arm="{arm}"}}[$__interval])'

    queries = (
        Query(last("median", ""), "{{release}}", "A"),
        Query(last("low", ""), "{{release}}, lower end of 95 %", "B"),
        Query(last("high", ""), "{{release}}, upper end of 95 %", "C"),
        Query(last("median", "null"), "{{release}}, null control", "D"),
    )
    panel = _points(metric, _UNITS[unit]).description(
        f"The median of a run's trials; {better} is better. Figures of one host only: others "
        "cannot be compared."
    )
    _quiet(panel, "BCD")
    return _with(panel, queries).height(_HEIGHT).span(_WIDE // 2)


def _verdicts() -> table.Panel:
    """The latest verdict on each release."""

    def last(name: str) -> str:
        return f"last_over_time(ormlab_comparison{name}{{{_RELEASES}}}[$__range])"

    queries = (
        Query(last("_ratio"), "", "A"),
        Query(last("_low_ratio"), "", "B"),
        Query(last("_high_ratio"), "", "C"),
        Query(f"{last('_verdict')} == 1", "", "D"),
    )
    panel = table.Panel().title("Verdicts: $metric, release over the one before")
    panel.with_transformation(DataTransformerConfig("merge", options={}))
    kept = {"include": {"names": list(_COLUMNS)}}
    panel.with_transformation(DataTransformerConfig("filterFieldsByName", options=kept))
    order = {name: at for at, name in enumerate(_COLUMNS)}
    organise = {"indexByName": order, "renameByName": _COLUMNS}
    panel.with_transformation(DataTransformerConfig("organize", options=organise))
    for query in queries:
        panel.with_target(_target(query, instant=True).format(PromQueryFormat.TABLE))
    return panel.datasource(_SOURCE).height(_HEIGHT).span(_WIDE)


def _board(uid: str, title: str, *, time_from: str) -> dashboard.Dashboard:
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["ormlab"])
        .time(time_from, "now")
        .timezone("utc")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
    )


def _variable(name: str, values: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .query(values)
        .datasource(_SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _points(title: str, unit: str) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .unit(unit or "short")
        .draw_style(GraphDrawStyle.POINTS)
        .show_points(VisibilityMode.ALWAYS)
        .point_size(8)
    )


def _quiet(panel: timeseries.Panel, ids: Iterable[str]) -> None:
    """Draw what stands around a figure smaller and without colour."""
    for each in ids:
        panel.override_by_query(
            each,
            [
                DynamicConfigValue("color", {"mode": "fixed", "fixedColor": _QUIET}),
                DynamicConfigValue("custom.pointSize", 4),
            ],
        )


def _with[Shown: (stat.Panel, timeseries.Panel)](
    panel: Shown, queries: Iterable[Query], *, instant: bool = False
) -> Shown:
    for query in queries:
        panel.with_target(_target(query, instant=instant))
    return panel.datasource(_SOURCE)


def _target(query: Query, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(query.id)
    return target.instant() if instant else target.range()

"""``ormlab comment``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from ormlab.cli import options
from ormlab.cli.output import Printout, prints

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9._-]{1,50}")
_LINK = re.compile(r"https?://[^\s()<>\\]{1,2000}")


def _named(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no name: write letters, digits, dots, - and _")
    return value


def _address(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _LINK.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no address: write it as in https://example.org/1")
    return value


@click.command("comment")
@options.bundle
@options.metric
@options.fail_if
@click.option(
    "--name",
    callback=_named,
    default="compare",
    help="Tells the comments on one pull request apart.  [default: compare]",
)
@click.option("--link", callback=_address, metavar="URL", help="Where readers find the bundle.")
@click.option(
    "--post",
    is_flag=True,
    help="Comment on the pull request of this job of GitHub Actions, or replace its comment.",
)
@click.option(
    "--author",
    default="github-actions[bot]",
    metavar="LOGIN",
    help="Whose comment is replaced.  [default: github-actions[bot]]",
)
@prints
def command(
    bundle: Path,
    *,
    metric: str,
    fail_if: str | None,
    name: str,
    link: str | None,
    post: bool,
    author: str,
) -> Printout:
    """Print what a BUNDLE says of a comparison as Markdown, for a pull request.

    The verdict, the smallest difference that such a run finds, the figures, and the SQL that
    changed. The results are computed anew from the files of the bundle.

    --post takes the token from GITHUB_TOKEN, and the rest from the variables of GitHub Actions.

    \b
    Examples:
      ormlab comment bundles/20261123T031500Z-1a2b3c4d --fail-if slower:5%
      ormlab comment bundles/20261123T031500Z-1a2b3c4d --post
    """
    from ormlab.compare import comment, course, github
    from ormlab.compare.limit import Limit, exit_code
    from ormlab.judging.judge import judge

    limit = Limit.parse(fail_if) if fail_if is not None else None
    repository = github.GitHubRepository.here() if post else None
    target = repository.pull_request() if repository else None
    outcome = course.outcome(bundle, judge(bundle).results, metric)
    held = [limit.judge(each) for each in outcome.comparisons] if limit else []
    occasion = comment.Occasion(name, link, target.commit if target else None)
    text = comment.markdown(outcome, limit, occasion)
    address = None
    if repository and target:
        address = repository.publish(target.number, text, marker=occasion.marker, author=author)
        click.echo(f"comment: {address}", err=True)
    elif repository:
        click.echo("not commented: no open pull request has the commit of the run", err=True)
    return Printout(
        schema="ormlab-comment/1",
        result={
            "folder": str(bundle),
            "markdown": text,
            "comment": address,
            "comparisons": [plain(each) for each in outcome.comparisons],
            "outcomes": [str(each) for each in held],
        },
        text=lambda: text.rstrip("\n"),
        failures=[outcome.missing] if outcome.missing else [],
        code=exit_code(held),
    )

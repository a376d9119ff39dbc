"""The article's own client, without a warm-up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workloads.load.requests import read_table

if TYPE_CHECKING:
    from agent.generators.base import Commands, Target
    from bundle.generators.article import ArticleLoad


def commands(load: ArticleLoad, target: Target) -> Commands:
    """One run of ``workloads.load.article``, which asks for the table's paths in its own order."""
    settings = {
        "url": target.service.url,
        "requests": load.requests,
        "concurrency": load.concurrency,
        "paths": sorted(
            {request.path for request in read_table(Path(target.sent.tables.measured))}
        ),
    }
    return target.module("article", settings, load.duration_s)

"""``python -m tests.run.clock_back ARGUMENTS``: ormlab; at the seal its clock is an hour behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from ormlab import cli
from ormlab.run import sealing


class Back(datetime):
    """As after a step of the wall clock while the run went on."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(hours=1)


if __name__ == "__main__":
    sealing.datetime = Back
    cli.main()

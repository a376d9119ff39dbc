"""The asyncio client: closed and open loop, several processes, raw samples and histograms.

Python 3.13 or later on Linux. Start it with ``python -m workloads.load.client``; read its samples
with ``read_samples``.
"""

from workloads.load.client.sample_file import read_samples

__all__ = ["read_samples"]

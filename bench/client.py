"""The asyncio client against wrk and against clients in the article's style.

All drive the same nginx, which answers 1 KB from memory on one core; each generator in turn has
another core to itself. A round runs every generator once, so a ratio compares neighbours in time.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from statistics import median
from typing import TYPE_CHECKING

import aiohttp

from agent import ports
from bench import output_of
from bundle import typed
from bundle.generators.client import Client
from host.environment import environment
from workloads.load import wrk
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

_CONNECTIONS = 64
_BATCH = 10_000  # requests the article makes tasks of at once
_ONE = {"users": 1, "orders": 0, "seed": 1, "count": 1}
_ROOT = Path(__file__).parents[1]
_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 "{body}"; }} }}
}}
"""


def run(*, seconds: float = 3.0, rounds: int = 5) -> dict[str, object]:
    """Measure side by side.

    Args:
        seconds: length of one generator's turn, at least 1.
        rounds: turns of each generator.

    Returns:
        By name: requests per second of each generator (medians over rounds), and the client's as
        ratios to the others' (medians of the rounds' ratios); or the reason why there are none.
    """
    reason = missing("wrk", "nginx")
    if reason:
        return {"client": {"skipped": reason}}
    with generators() as bench:
        rates = [bench.round(seconds) for _ in range(rounds)]
    figures: dict[str, object] = {
        f"{name}.requests_per_s": round(median(each[name] for each in rates)) for name in rates[0]
    }
    for other in ("wrk", "article", "worker_pool"):
        ratios = [each["client"] / each[other] for each in rates]
        figures[f"client.over_{other}"] = round(median(ratios), 3)
    return figures


def missing(*programs: str) -> str | None:
    """Why a generator cannot be driven against nginx here; None if it can."""
    absent = [program for program in programs if not shutil.which(program)]
    if absent:
        return f"{' and '.join(absent)} not installed"
    return None if len(os.sched_getaffinity(0)) > 1 else "needs two CPUs"


@contextmanager
def generators() -> Iterator[Generators]:
    """Give generators on the first CPU that drive an nginx on the second."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory(prefix="ormlab-bench-") as scratch:
        folder = Path(scratch)
        write_table(folder / "table", table([Operation("read-user", id=1)], **_ONE))
        with _nginx(folder, second) as port:
            yield Generators(folder, port, first)


class Generators:
    """The generators, each driven in turn against the same nginx."""

    def __init__(self, folder: Path, port: int, cpu: int) -> None:
        self.folder = folder  #: where the client leaves its files
        self._port, self._cpu = port, cpu
        self._url = f"http://127.0.0.1:{port}"

    def round(self, seconds: float) -> dict[str, float]:
        """Give each generator its turn; return requests per second by name."""
        return {
            "wrk": self._wrk(round(seconds)),
            "client": self.client(seconds).throughput,
            "article": self._aiohttp("_article", seconds),
            "worker_pool": self._aiohttp("_worker_pool", seconds),
        }

    def client(self, seconds: float) -> Client:
        """Run the client; return its report."""
        spec = {
            "host": "127.0.0.1",
            "port": self._port,
            "loop": "closed",
            "connections": _CONNECTIONS,
            "cpus": [self._cpu],
            "warmup_s": 0.5,
            "duration_s": seconds,
            "seed": 1,
            "table": str(self.folder / "table"),
            "repeatable": True,
        }
        spec_file = self.folder / "spec.json"
        spec_file.write_text(json.dumps(spec))
        self._run([sys.executable, "-m", "workloads.load.client", str(spec_file), str(self.folder)])
        return typed.read(self.folder, Client)

    def _wrk(self, seconds: int) -> float:
        out = self.folder / "wrk.json"
        argv = wrk.command(
            threads=1,
            connections=_CONNECTIONS,
            duration_s=seconds,
            url=self._url,
            table=self.folder / "table",
            out=out,
            repeatable=True,
        )
        self._run(argv)
        dump = json.loads(out.read_bytes())
        return float(dump["requests"] / dump["duration_us"] * 1e6)

    def _aiohttp(self, style: str, seconds: float) -> float:
        argv = [sys.executable, "-m", "bench.client", style, self._url, str(seconds)]
        return float(self._run(argv))

    def _run(self, argv: list[str]) -> bytes:
        pinned = ("taskset", "-c", self._cpu, *argv)
        return output_of(*pinned, program="generator", cwd=_ROOT)


@contextmanager
def _nginx(folder: Path, cpu: int) -> Iterator[int]:
    port = ports.draw(1, ["127.0.0.1"])
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, body="x" * 1024))
    argv = ["taskset", "-c", str(cpu), "nginx", "-p", str(folder), "-c", str(config)]
    with subprocess.Popen(argv, env=environment("service")) as server:
        try:
            _await_port(port, server)
            yield port
        finally:
            server.terminate()


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"nginx ended with {server.returncode}")


async def _article(url: str, seconds: float) -> float:
    """Tasks for all requests at once, over and over, as in the article's client."""

    async def request(session: aiohttp.ClientSession) -> None:
        started = time.perf_counter()
        try:
            async with session.get("/users/1") as response:
                await response.text()
        finally:
            latencies.append(time.perf_counter() - started)

    latencies: list[float] = []
    async with _session(url) as session:
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            await asyncio.gather(*(request(session) for _ in range(_BATCH)))
        return len(latencies) / (time.perf_counter() - began)


async def _worker_pool(url: str, seconds: float) -> float:
    """As many tasks as connections, each one request after the other."""

    async def worker(session: aiohttp.ClientSession, end: float) -> None:
        while (started := time.perf_counter()) < end:
            async with session.get("/users/1") as response:
                await response.text()
            latencies.append(time.perf_counter() - started)

    latencies: list[float] = []
    async with _session(url) as session:
        began = time.perf_counter()
        await asyncio.gather(*(worker(session, began + seconds) for _ in range(_CONNECTIONS)))
        return len(latencies) / (time.perf_counter() - began)


def _session(url: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=_CONNECTIONS))


if __name__ == "__main__":
    _STYLES: dict[str, Callable[[str, float], Coroutine[None, None, float]]] = {
        each.__name__: each for each in (_article, _worker_pool)
    }
    sys.stdout.write(str(asyncio.run(_STYLES[sys.argv[1]](sys.argv[2], float(sys.argv[3])))))

"""The version of the checkout, and its folders."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

VERSION = version("ormlab")
ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
BUNDLES = ROOT / "bundles"
LEDGERS = ROOT / "workloads/ledgers"
PLANS = ROOT / "workloads/plans"
STACKS = ROOT / "workloads/stacks"
INVENTORY = ROOT / "inventory/local.yml"
UV = STATE / "uv/bin/uv"
UV_CACHE = STATE / "cache/uv"

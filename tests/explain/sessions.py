"""Synthetic sessions of an explanation: every factor has a known effect, alone and together."""

from __future__ import annotations

import math

import numpy as np

from bundle.documents.plan import Way

_WAY = {
    "from": "a",
    "to": "b",
    "steps": [
        {"name": "x", "what": "x", "side": "from", "alone": "a.x", "cumulative": "a.x"},
        {"name": "y", "what": "y", "side": "from", "alone": "a.y", "cumulative": "a.upto-y"},
        {"name": "z", "what": "z", "side": "to", "alone": "b.z", "cumulative": "b.z"},
        {"name": "w", "what": "w", "side": "to", "alone": "b.w", "cumulative": "b.upto-w"},
    ],
}
EXPLANATION = Way.model_validate(_WAY)

# y gains 1.2 alone and 1.5 once x is gone; switching z off gains 1.25, which b has not.
TRUTH = {"x": 1.3, "y": 1.5, "residual": 1.4, "w": 1 / 1.1, "z": 1 / 1.25}
ALONE = {"x": 1.3, "y": 1.2, "w": 1 / 1.1, "z": 1 / 1.25}
_A = 1000.0
_B = _A * math.prod(TRUTH.values())
MEANS = {
    "a": _A,
    "a.x": 1.3 * _A,
    "a.y": 1.2 * _A,
    "a.upto-y": 1.3 * 1.5 * _A,
    "b.upto-w": 1.25 * 1.1 * _B,
    "b.z": 1.25 * _B,
    "b.w": 1.1 * _B,
    "b": _B,
}
TOTAL = _B / _A
_WAY_BY_LINK = {
    "x": ("a", "a.x"),
    "y": ("a.x", "a.upto-y"),
    "residual": ("a.upto-y", "b.upto-w"),
    "w": ("b.upto-w", "b.z"),
    "z": ("b.z", "b"),
}
# Microseconds of one answer that each link adds, and all together.
TIMES = {
    name: 1e6 / MEANS[after] - 1e6 / MEANS[before] for name, (before, after) in _WAY_BY_LINK.items()
}
TOTAL_TIME = sum(TIMES.values())


def session(seed, *, blocks=12, block_sd=0.1, trial_sd=0.03):
    """Throughput by subject and block: a block's effect, shared, and a trial's own."""
    rng = np.random.default_rng(seed)
    shared = block_sd * rng.standard_normal(blocks)
    return {
        name: {
            block + 1: float(mean * np.exp(shared[block] + trial_sd * rng.standard_normal()))
            for block in range(blocks)
        }
        for name, mean in MEANS.items()
    }

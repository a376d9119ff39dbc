"""CPU numbers as the kernel writes them: lists and masks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CPUS = "sys/devices/system/cpu"
"""The folder of the CPUs, below the root of a host."""

_MASK_DIGITS = 8  # of each group between commas


def cpu_list(text: str) -> list[int]:
    """Parse the kernel's list format: ``"0-2,7"`` is ``[0, 1, 2, 7]``; an empty text is ``[]``."""
    cpus: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


def as_list(cpus: Iterable[int]) -> str:
    """Write CPUs in the list format: ``[0, 1, 2, 7]`` is ``"0-2,7"``."""
    parts = []
    for _, run in groupby(enumerate(sorted(set(cpus))), key=lambda pair: pair[1] - pair[0]):
        numbers = [cpu for _, cpu in run]
        parts.append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0]))
    return ",".join(parts)


def as_mask(cpus: Iterable[int]) -> str:
    """Write CPUs in the mask format, 32 to a group: ``[0, 33]`` is ``"00000002,00000001"``."""
    mask = sum(1 << cpu for cpu in set(cpus))
    digits = f"{mask:x}"
    width = -(-len(digits) // _MASK_DIGITS) * _MASK_DIGITS
    digits = digits.zfill(width)
    return ",".join(digits[at : at + _MASK_DIGITS] for at in range(0, width, _MASK_DIGITS))


def mask_cpus(text: str) -> list[int]:
    """Parse the mask format."""
    mask = int(text.replace(",", "").strip() or "0", 16)
    return [cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1]

"""Knobs of kernel parameters and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .knob import ChoiceKnob, Knob, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kernel import Kernel

_THP = "sys/kernel/mm/transparent_hugepage"


class Sysctl(Knob):
    """Values below /proc/sys, by the names of sysctl(8)."""

    name = "sysctl"
    meaning = "kernel parameters by name"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """A dict of name and value; several numbers form one text."""
        if not isinstance(wanted, dict):
            raise TypeError(f"{wanted!r} is not a dict of name and value")
        return {f"proc/sys/{name.replace('.', '/')}": _text(wanted[name]) for name in wanted}

    def show(self, kernel: Kernel, place: str) -> str:
        """The kernel separates several numbers by tabs."""
        return _text(kernel.read(place))


class HugePages(Knob):
    """Pages reserved for PostgreSQL; the kernel may reserve fewer than requested."""

    name = "huge_pages"
    meaning = "reserved huge pages"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """Documentation/admin-guide/mm/hugetlbpage.rst."""
        return {"proc/sys/vm/nr_hugepages": word(wanted)}


class TransparentHugePages(ChoiceKnob):
    """When the kernel creates huge pages automatically."""

    name = "thp"
    meaning = "transparent huge pages"
    path = f"{_THP}/enabled"


class TransparentHugePageDefragmentation(ChoiceKnob):
    """Whether a process waits while the kernel makes room for a huge page."""

    name = "thp_defrag"
    meaning = "defragmentation for transparent huge pages"
    path = f"{_THP}/defrag"


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"{value!r} is neither a text nor a number")
    return " ".join(str(value).split())

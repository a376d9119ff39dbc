"""Part of a run that asked for profilers: where a service spends CPU time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.profilers import INSTRUCTIONS_ONLY
from analysis.report.blocks import Heading, Links, Listing, Text
from analysis.tables import profilers as tables
from bundle.documents.profilers import CALLGRIND, PICTURES, STACKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.profilers import Looked
    from analysis.report.blocks import Block
    from analysis.report.material import Material

_NOTE = (
    "Profilers slow a service down. Each of them looked at a process of its own before the first "
    "trial, so no figure of a trial contains any of it, and no share below is one of a trial."
)


def blocks(material: Material) -> Iterator[Block]:
    """For each subject the functions that took most, and the files to look further."""
    yield Text(_NOTE)
    for found in material.profiled:
        yield from _subject(found, material.record.id)


def _subject(found: Looked, bundle: str) -> Iterator[Block]:
    yield Heading(found.subject)
    yield Listing(tuple(tables.sentences(found)))
    yield from tables.by_function(found)
    counted = found.document.instructions or found.document.syscalls
    if counted:
        yield tables.counts(found)
    if found.document.instructions:
        yield Text(INSTRUCTIONS_ONLY)
    if found.document.syscalls:
        yield tables.calls(found)
    names = [each[name] for name in found.stacks for each in (PICTURES, STACKS)]
    names += [CALLGRIND] if found.document.instructions else []
    if names:
        yield Text(
            f"The files of the bundle that show more: a flame graph opens in a browser without a "
            f"network, a .speedscope.json in speedscope. The links lead to bundles/{bundle}/ "
            f"beside the folder of this report."
        )
        yield Links(tuple((path, f"../bundles/{bundle}/{path}") for path in found.files(names)))

"""How much a verdict weighs, from digests alone: who repeated what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents.verdicts import Strength

if TYPE_CHECKING:
    from analysis.claims.ledger import Source
    from bundle.format import BundleRecord


def strength(source: Source, record: BundleRecord) -> Strength:
    """Compare what a bundle was made from with what the source of a claim was made from.

    Args:
        source: of the claim; without ``artifacts`` nothing of it can be the same.
        record: of the sealed bundle.
    """
    if record.tool.dirty is not False:
        return Strength.NONE
    made = source.artifacts
    same = (
        made is not None
        and made.plan_sha256 == record.plan.sha256
        and made.tool_commit == record.tool.commit
    )
    if not same:
        return Strength.REPLICATED
    at_home = made is not None and made.host is not None and made.host == record.host
    return Strength.REPEATED if at_home else Strength.REPRODUCED

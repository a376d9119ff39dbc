"""What follows from what: if a consequence is refuted, its premises cannot all stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents.verdicts import ClaimVerdict, Undermined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims.ledger import Ledger


def undermined(
    ledger: Ledger, verdicts: Mapping[str, ClaimVerdict]
) -> dict[str, tuple[Undermined, ...]]:
    """By premise, the refuted claims that follow from it, and with which others together.

    A consequence that was judged on one host undermines a premise about another only if it was
    claimed to hold on any. Where it follows from several together, one of them must be wrong, and
    which one is open. What is incoherent on paper does not follow from them, and accuses none.

    Args:
        ledger: of the claims.
        verdicts: by claim; without those that an assumption of the test decides.
    """
    found: dict[str, tuple[Undermined, ...]] = {}
    for name, verdict in verdicts.items():
        claim = ledger.claims[name]
        if verdict != ClaimVerdict.REFUTED or getattr(claim, "portability", None) != "any":
            continue
        for entry in claim.entailed_by:
            together = [entry] if isinstance(entry, str) else entry
            for premise in together:
                others = tuple(other for other in together if other != premise)
                accused = Undermined(claim=name, together_with=others)
                found[premise] = (*found.get(premise, ()), accused)
    return found

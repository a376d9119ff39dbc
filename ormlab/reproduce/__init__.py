"""``ormlab reproduce``: from a ledger to a verdict on each of its claims.

choice      the claims that were asked for, and the plans that test them
existing    sealed bundles of those plans, which need not be run again
proposal    what is to be run, for how long, and what it can find; touches no host
scripts     programs that claims speak of, and their code
course      runs what is missing, and judges all of it together
"""

from ormlab.reproduce.course import Outcome, carry_out
from ormlab.reproduce.existing import Existing
from ormlab.reproduce.proposal import Finds, LeftOut, Proposal, Request, Step, propose

__all__ = [
    "Existing",
    "Finds",
    "LeftOut",
    "Outcome",
    "Proposal",
    "Request",
    "Step",
    "carry_out",
    "propose",
]

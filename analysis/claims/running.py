"""Whether a package installs, imports and serves, by the recorded outcome of its stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

if TYPE_CHECKING:
    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Runs, Script
    from bundle.documents.services import ScriptOutcome

_STAGES = {
    "install": {"install"},
    "import": {"install", "import"},
    "start": {"install", "import"},
    "script": {"install", "import"},
}


def unfit(claim: Runs, run: Run, subject: str) -> str | None:
    """Why the outcome of a stack says nothing about the claim; None if it does."""
    outcome = run.stacks[subject]
    if any(failed.stage == "interpreter" for failed in outcome.failures):
        return f"the interpreter of the stack {outcome.stack} was not there"
    mine = (claim.package, claim.version)
    unbuilt = any(
        failed.stage == "install" and (failed.package, failed.version) == mine
        for failed in outcome.failures
    )
    if unbuilt and outcome.python and outcome.python.c_compiler is None:
        return "the host has no C compiler, which a package without a wheel needs"
    tried: set[tuple[str, str | None]] = {(each.package, each.version) for each in outcome.alone}
    tried |= {(each.package, each.version) for each in outcome.failures}
    if mine in tried | set(outcome.packages.items()):
        return _another(claim.script, run, subject) if claim.script else None
    return f"the stack {outcome.stack} was not made of {claim.package} {claim.version}"


def unran(claim: Runs, run: Run, subject: str) -> str | None:
    """Why nothing is known of the claim's script; None if it ran to its end, or there is none.

    Where the stack does not work no script can run, and that decides the claim.
    """
    if claim.script is None or not run.stacks[subject].ok:
        return None
    outcome = run.scripts.get((subject, claim.script.name))
    if outcome is None:
        return f"the script {claim.script.name} was not run"
    return f"the script {claim.script.name}: {outcome.reason}" if outcome.reason else None


def _another(script: Script, run: Run, subject: str) -> str | None:
    """What else was run under the name of a script; None if it is the script of the ledger."""
    outcome = run.scripts.get((subject, script.name))
    if outcome is None:
        return None
    if outcome.printed != (script.printed.sha256 if script.printed else None):
        return f"the script {script.name} was run with other code than the ledger names"
    if outcome.arguments is not UNSET and list(outcome.arguments) != list(script.arguments):
        return f"the script {script.name} was run with other arguments than the ledger names"
    return None


def _ended(named: str, script: Script, outcome: ScriptOutcome) -> tuple[bool, str]:
    """Whether a script ended as it should, and what it wrote last."""
    last = outcome.said[-1] if outcome.said else "it wrote nothing"
    if outcome.exit_status != 0:
        return False, f"{named}: {script.name} ends with {outcome.exit_status}: {last}"
    if script.prints and not any(line.startswith(script.prints) for line in outcome.said):
        return False, f"{named}: {script.name} does not print {script.prints!r}: {last}"
    return True, f"{named}: {script.name} ends with 0: {last}"


def judge_running(claim: Runs, run: Run, subject: str) -> tuple[bool, str]:
    """Whether the package does what the claim says, and why in one sentence.

    Each package of a failed stack was tried in an environment of its own, so that another's
    failure does not count as its own, except where it has to serve: that takes all of them.

    Args:
        claim: about one package in one version.
        run: has the outcome of the subject's stack, which is not ``unfit``.
        subject: the plan's.
    """
    outcome = run.stacks[subject]
    named = f"{claim.package} {claim.version}"
    for failed in outcome.failures:
        mine = (failed.package, failed.version) == (claim.package, claim.version)
        if mine and failed.stage in _STAGES[claim.through]:
            return False, f"{named}: {failed.stage} fails: {failed.reason}"
    if claim.script:
        ran = run.scripts.get((subject, claim.script.name))
        culprits = ", ".join(failed.package for failed in outcome.failures)
        return (
            _ended(named, claim.script, ran)
            if ran
            else (False, f"{named}: {claim.script.name} cannot be run, for want of {culprits}")
        )
    if claim.through != "start":
        return True, f"{named} gets through {claim.through} on the stack {outcome.stack}"
    if subject not in run.started:
        culprits = ", ".join(failed.package for failed in outcome.failures)
        return False, f"{named}: no service could be started, for want of {culprits}"
    trouble = run.started[subject].failure
    return trouble is None, f"{named}: {trouble.what if trouble else 'the service answers'}"

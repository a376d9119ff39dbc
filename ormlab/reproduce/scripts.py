"""Scripts that claims speak of: which are due, their code, and how they end in their stacks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from analysis.claims import Runs, places_of, variants_of
from bundle import typed
from bundle.documents.services import ScriptOutcome, StackOutcome
from ormlab.base import checkout
from ormlab.base.errors import LedgerError, LoadError, UsageError
from ormlab.run.measure import record
from ormlab.run.measure.deployment import read_answer

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from analysis.claims import Ledger
    from analysis.claims.ledger import Printed, Script
    from ormlab.run.stages import Run

_DEADLINE_S = 300.0
_INDENT = "    "
_PROGRAMS = checkout.ROOT / "workloads/scripts"


@dataclass(frozen=True)
class Due:
    """A script to run on the stack of a subject of the plan."""

    subject: str
    script: Script
    code: str | None  #: printed code, found in the reader's copy; None for a program of the lab's

    @property
    def path(self) -> str:
        """Where a bundle keeps its outcome."""
        return ScriptOutcome.PATH.format(subject=self.subject, script=self.script.name)

    def flaw(self, bundle: Path) -> str | None:
        """Why a bundle's outcome is not that of this script; None if it is, or no stack works."""
        stack = typed.read_if_there(bundle, StackOutcome, subject=self.subject)
        if stack and not stack.ok:
            return None
        outcome = typed.read_if_there(
            bundle, ScriptOutcome, subject=self.subject, script=self.script.name
        )
        if outcome is None:
            return f"it has no {self.path}"
        arguments = () if outcome.arguments is UNSET else outcome.arguments
        if (outcome.sha256, arguments) != (self.program_sha256, tuple(self.script.arguments)):
            return f"its {self.path} is of other code or arguments"
        return None

    @property
    def program_sha256(self) -> str:
        """Digest of the file that is run, hex."""
        if self.script.program:
            data = (_PROGRAMS / f"{self.script.program}.py").read_bytes()
        else:
            data = (self.code or "").encode()
        return hashlib.sha256(data).hexdigest()

    @property
    def what(self) -> Script:
        """What is run; what it must print only judges it."""
        return self.script.model_copy(update={"prints": None})


def due(
    ledger: Ledger, chosen: Collection[str], plan: str, copy: str | None
) -> tuple[tuple[Due, ...], tuple[str, ...]]:
    """The scripts that claims need on a plan's stacks, and the names of those without code here.

    Args:
        ledger: of the claims.
        chosen: ids of the claims.
        plan: name of the plan.
        copy: the reader's copy of the source; None without one.

    Raises:
        LedgerError: a claim names a program that the lab does not have, or two scripts have one
            name.
    """
    found: dict[tuple[str, str], Due] = {}
    lacking: dict[str, None] = {}
    for name in chosen:
        claim = ledger.claims[name]
        for tested in (claim, *variants_of(claim).values()):
            if not isinstance(tested, Runs) or tested.test is None or tested.test.plan != plan:
                continue
            script = tested.script
            if script is None:
                continue
            if script.program and not (_PROGRAMS / f"{script.program}.py").is_file():
                raise LedgerError(
                    "script-missing",
                    f"the lab has no program {script.program!r}",
                    where=f"claims.{name}.script.program",
                    hint=f"name a file of {_PROGRAMS.relative_to(checkout.ROOT)}/",
                )
            code = printed(script.printed, copy or "") if script.printed else None
            if script.printed and code is None:
                lacking[script.name] = None
                continue
            for place in places_of(tested).values():
                own = Due(place.subject, script, code)
                other = found.setdefault((place.subject, script.name), own)
                if other.what != own.what:
                    raise LedgerError(
                        "script-twice",
                        f"another script is called {script.name!r}, and a bundle keeps one of them",
                        where=f"claims.{name}.script.name",
                        hint="give each its own name; claims of one script repeat it word for word",
                    )
    return tuple(found.values()), tuple(lacking)


def printed(code: Printed, copy: str) -> str | None:
    """The code with its indents, from a copy of the source; None if the copy does not have it.

    Blank lines and the spaces around a line do not count, because a copy of a page may differ in
    them. The digest of the ledger decides which lines are the code.
    """
    lines = [line.strip() for line in copy.splitlines() if line.strip()]
    for first in range(len(lines) - len(code.indents) + 1):
        part = lines[first : first + len(code.indents)]
        if digest_of(part) == code.sha256:
            levels = map(int, code.indents)
            return "".join(
                f"{_INDENT * level}{line}\n" for level, line in zip(levels, part, strict=True)
            )
    return None


def digest_of(lines: Sequence[str]) -> str:
    """The digest by which a ledger names code: of its lines, each ended by a newline; hex."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def read(copy: Path) -> str:
    """The text of a reader's copy.

    Raises:
        UsageError: it cannot be read as text.
    """
    try:
        return copy.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(
            "copy-unreadable",
            f"the copy of the source cannot be read: {problem}",
            where=str(copy),
            hint="--copy names a text file with the code that the source prints",
        ) from None


def run_all(current: Run, due: Collection[Due]) -> None:
    """Run scripts on the stacks of their subjects, and add the outcomes to the bundle.

    Nothing is added for a stack that does not work.

    Raises:
        LoadError: the agent could not run one.
    """
    for each in due:
        stack = current.session.stacks[current.resolved.subjects[each.subject].stack]
        if stack.ok:
            current.progress.stage(f"script: {each.script.name} on {each.subject}")
            _run(current, each, stack)


def _run(current: Run, each: Due, stack: StackOutcome) -> None:
    session, script = current.session, each.script
    app = session.site.app
    lab, name = app.deployment, f"script-{each.subject}-{script.name}"
    shipped = f"{lab.code}/workloads/scripts/{script.program}.py"
    given = f"{app.folder}/{name}.py"
    argv = [lab.python, "-m", "agent.scripts", "--name", script.name]
    argv += ["--python", f"{lab.environments}/{stack.environment}/bin/python"]
    argv += ["--program", shipped if script.program else given]
    arguments = list(script.arguments)
    if each.code is not None and script.printed:
        app.host.put(each.code.encode(), given)
        argv += ["--printed", script.printed.sha256]
        arguments = [given, *arguments] if script.program else arguments
    argv += [f"--argument={word}" for word in arguments]
    argv += ["--folder", app.folder, "--binaries", lab.postgres]
    if login := script.postgresql:
        argv += ["--login", login.user, login.password, login.database]
    status, answer = app.dispatch.command(name, argv, deadline_s=_DEADLINE_S, program="agent")
    where = f"{app.name}:{app.folder}/{name}/log.txt"
    if status != 0:
        raise LoadError(
            "script-run",
            f"running the script {script.name} ended with {status}: {app.last_said(name)}",
            where=where,
            hint="read that log; a full disk is the usual cause",
        )
    outcome = read_answer(answer, ScriptOutcome, where=where)
    # The agent's own arguments begin with the path of printed code on the host.
    outcome = msgspec.structs.replace(outcome, arguments=tuple(script.arguments))
    current.add(record.script(each.subject, outcome))

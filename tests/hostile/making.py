"""How a bundle is made hostile: mutations of the recorded bundle that its maker seals again.

Each takes a folder; `sealed` then makes manifest, plan digest, id and seal fit, so that what is
refused is refused for what it is and not for a digest. A mutation is marked `raw` where the seal is
what it breaks, or where a link could not be hashed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bundle import names
from workloads import stacks

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT = "trials/001-asyncpg-read-one-client-b01"
WRK = "trials/003-tortoise-read-one-wrk-b01"
PLAN = "inputs/plan.yaml"
LOCK = "inputs/locks/current.txt"
TOML = "inputs/locks/stacks.toml"


class Hostile(NamedTuple):
    """One hostile bundle.

    Attributes:
        kind: what it abuses.
        apply: changes the bundle in its folder; the second argument is a folder outside, which
            nothing may touch.
        raw: whether the bundle is left as it is, not sealed again.
    """

    kind: str
    apply: Callable[[Path, Path], None]
    raw: bool

    @property
    def name(self) -> str:
        return self.apply.__name__


TABLE: list[Hostile] = []


def hostile(kind: str, *, raw: bool = False):
    """Register a mutation."""

    def register(function):
        TABLE.append(Hostile(kind, function, raw))
        return function

    return register


def make(each: Hostile, source: Path, parent: Path, outside: Path) -> Path:
    """A hostile copy of a sealed bundle in a folder of its own; returns its folder."""
    work = parent / each.name / source.name
    shutil.copytree(source, work)
    shutil.rmtree(work / "derived", ignore_errors=True)
    each.apply(work, outside)
    return work if each.raw else sealed(work)


def sealed(bundle: Path) -> Path:
    """Seal a changed bundle again, as a dishonest maker would."""
    record = json.loads((bundle / "bundle.json").read_bytes())
    digest = sha256((bundle / PLAN).read_bytes())
    if record["plan"]["sha256"] != digest:
        record["plan"]["sha256"] = digest
        record["id"] = f"{record['id'].partition('-')[0]}-{digest[:8]}"
    (bundle / "bundle.json").write_text(json.dumps(record, indent=2) + "\n")
    files = sorted(
        path.relative_to(bundle).as_posix()
        for path in bundle.rglob("*")
        if path.is_file() and path.relative_to(bundle).parts[0] != "derived"
    )
    listed = [path for path in files if path not in names.UNLISTED]
    lines = "".join(f"{sha256((bundle / path).read_bytes())}  {path}\n" for path in listed)
    (bundle / "MANIFEST.sha256").write_text(lines)
    seal = json.loads((bundle / "SEAL.json").read_bytes())
    seal |= {"manifest": sha256(lines.encode()), "sealed_at": record["sealed"]}
    seal["bundle"] = sha256((bundle / "bundle.json").read_bytes())
    (bundle / "SEAL.json").write_text(json.dumps(seal, indent=2) + "\n")
    target = bundle.with_name(Path(str(record["id"])).name)
    bundle.rename(target)
    return target


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def in_text(bundle: Path, path: str, old: str, new: str) -> None:
    file = bundle / path
    text = file.read_text()
    assert old in text, f"{path} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def in_json(bundle: Path, path: str, edit: Callable[[dict], object]) -> None:
    document = json.loads((bundle / path).read_bytes())
    edit(document)
    (bundle / path).write_text(json.dumps(document) + "\n")


def lock_is(bundle: Path, text: str) -> None:
    """Another lock, and the digests of the stack that it makes, as far as they can be made."""
    (bundle / LOCK).write_text(text)
    fit_digest(bundle)


def fit_digest(bundle: Path) -> None:
    """Name in the plan the digest that the bundle's lock makes, whatever it holds."""
    stack = stacks.load()["current"]
    inputs = {
        "python": stack.python,
        "wanted": sorted(stack.imports),
        "lock": (bundle / LOCK).read_bytes().decode(errors="replace"),
        "build": None,
        "no_binary": stack.no_binary,
        "pure": stack.pure,
        "compiled": dict(stack.compiled),
        "imports": dict(stack.imports),
    }
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    text = (bundle / PLAN).read_text()
    head, _, rest = text.partition("\n  current: ")
    (bundle / PLAN).write_text(f"{head}\n  current: {digest}{rest[64:]}")


def rename_stack(bundle: Path, name: str) -> None:
    """A second stack of the plan under a name of the maker's, and a file to copy for it."""
    table = 'title = "x"\nbase = "current"\nexpect = "works"\n'
    with (bundle / TOML).open("a") as file:
        file.write(f"\n[stacks.{json.dumps(name)}]\n{table}")
    in_text(bundle, PLAN, "\nstacks:\n", f"\nstacks:\n  {json.dumps(name)}: '{'0' * 64}'\n")
    last = name.rpartition("/")[2]
    (bundle / "inputs/locks" / f"{last}.txt").write_text("written by the maker of the bundle\n")

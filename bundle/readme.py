"""The README.md of a bundle, for whoever finds the folder and knows nothing of this project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bundle.format import BundleRecord

# Also printed in docs/bundle-format.md; a test runs both.
CHECKS: Final = r"""sha256sum --check --strict --quiet MANIFEST.sha256
{
  find . -path ./derived -type d -prune -o \( ! -type d -o -empty \) -printf '%y %P\n' |
    grep -vxE 'f (MANIFEST\.sha256|SEAL\.json(\.sig)?|ro-crate-metadata\.json)'
  sed 's/^.\{65\}/f/' MANIFEST.sha256
} | sort | uniq -u
for name in MANIFEST.sha256 bundle.json; do
  grep -q "$(sha256sum < $name | cut -c -64)" SEAL.json || echo "$name is not the sealed one"
done
"""

_TEXT = """\
# Benchmark bundle {id}

The sealed record of one benchmark run: its inputs, the host before and after, and the raw files of
every trial. Plan `{plan}`, {status}: {completed} trials completed, {failed} failed, {skipped} not
carried out. `bundle.json` is the machine-readable form of this page; `derived/`, if present, holds
what was computed from the rest and is not part of the seal.

## Is it as it was sealed?

With GNU coreutils, findutils, sed and grep, in this folder. It is if nothing is printed:

```sh
{checks}```

The first command says which files were changed or are missing, the second what was added or is
not a plain file, the third whether the list itself is the one that was sealed.

With the tool that made it, ormlab {version}: `ormlab verify .`

This shows that nothing was changed since the seal. It does not show who sealed it: for that,
compare `sha256sum SEAL.json` with a digest that the maker published elsewhere.
"""


def render(record: BundleRecord) -> bytes:
    """Return the page for this record."""
    return _TEXT.format(
        id=record.id,
        plan=record.plan.name,
        status=record.status,
        completed=record.trials.completed,
        failed=record.trials.failed,
        skipped=record.trials.skipped,
        checks=CHECKS,
        version=record.tool.version,
    ).encode()

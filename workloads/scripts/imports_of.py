"""Whether a distribution imports another package or requires it: ``imports_of.py DIST PACKAGE``."""

import ast
import sys
from importlib import metadata

name, package = sys.argv[1:]
distribution = metadata.distribution(name)
sources = [each for each in distribution.files or () if each.suffix == ".py"]
if not sources:
    raise SystemExit(f"{name} has no source to look at")


def imported(text: str) -> set[str]:
    """The top-level packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


importing = [str(each) for each in sources if package in imported(each.read_text())]
requiring = [each for each in distribution.requires or () if each.lower().startswith(package)]
if importing or requiring:
    print(f"imports {package}: {', '.join([*importing, *requiring])}")
else:
    print(f"none of {len(sources)} modules of {name} imports {package}, no requirement names it")

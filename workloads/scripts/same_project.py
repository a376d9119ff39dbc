"""Whether two distributions name one organisation's repositories: ``same_project.py ONE OTHER``."""

import re
import sys
from importlib import metadata

_REPOSITORY = re.compile(r"https?://github\.com/([\w.-]+)/")


def organisations(name: str) -> set[str]:
    """The organisations whose repositories the distribution names as its own pages."""
    told = metadata.metadata(name)
    pages = [*(told.get_all("Project-URL") or ()), *(told.get_all("Home-page") or ())]
    return {each.lower() for page in pages for each in _REPOSITORY.findall(f"{page}/")}


one, other = map(organisations, sys.argv[1:])
shared = sorted(one & other)
print(f"{'first' if shared else 'third'}-party: {sorted(one)} and {sorted(other)}")

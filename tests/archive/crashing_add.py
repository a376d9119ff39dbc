"""An add that asks for leave before each step that changes the disk; run by test_keep.

python -m tests.archive.crashing_add BUNDLE ARCHIVE
"""

from __future__ import annotations

import sys
from pathlib import Path

from ormlab.archive.keep import add
from tests.bundle.crashing_writer import ask

if __name__ == "__main__":
    sys.addaudithook(ask)
    add(Path(sys.argv[1]), Path(sys.argv[2]))

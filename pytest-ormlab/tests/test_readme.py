"""The examples of the README, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text()
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
OUTPUTS = re.findall(r"^```output\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_every_example_does_what_the_readme_says(project):
    assert {"conftest", "test_counting", "test_engine", "test_speed"} == FILES.keys()
    # Time of this process alone, which other programs do not change.
    steady = "import time\nfrom pytest_ormlab import comparison\ncomparison.perf_counter = time."
    result = project("-rf", "-p", "steady", steady=f"{steady}process_time", **FILES)
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["FAILED test_counting.py::test_page *"])
    result.stdout.fnmatch_lines(["FAILED test_speed.py::test_new_is_not_slower *"])
    assert len(OUTPUTS) == 2
    for output in OUTPUTS:
        lines = [line for line in output.splitlines() if line.strip()]
        result.stdout.fnmatch_lines([f"E * {line.strip()}*" for line in lines])

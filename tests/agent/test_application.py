"""The agent starts an application, and believes it because its own process holds the port."""

import shutil
import socket
import subprocess
import sys

import pytest

from agent.failure import Failure
from agent.orders import Address, ApplicationSettings, ApplicationSpec
from agent.service import Endpoint, Service
from tests.conftest import free_port

SERVE = ["python", "-m", "http.server", "--bind", "{host}", "{port}"]


class Beating:
    """A heartbeat of an orchestrator that lives."""

    def check(self):
        """Nothing to complain of."""


@pytest.fixture
def start(tmp_path):
    """A service of such a command and health path, not yet started."""
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:lab:secret-of-the-lab\n")
    (tmp_path / "own").mkdir()

    def make(argv=None, *, port=None, health="/", **environment):
        database = Address(
            host="127.0.0.1", port=1, user="lab", passfile=str(passfile), database="trial"
        )
        settings = ApplicationSettings(
            folder=str(tmp_path / "own"),
            host="127.0.0.1",
            port=port or free_port(),
            health=health,
            start=argv or SERVE,
            environment=environment,
            database=database,
        )
        spec = ApplicationSpec(
            python=sys.executable,
            code="/nowhere",
            variables={},
            start_timeout_s=20,
            stop_timeout_s=5,
            settings=settings,
        )
        return Service(spec, folder=tmp_path, cpus=None)

    return make


def test_it_is_started_in_its_folder_and_asked_by_its_own_path(start, tmp_path):
    (tmp_path / "own/alive").write_text("yes")
    with start(health="/alive") as service:
        service.await_ready(Beating())
        assert service.health() is None
        assert service.port_record().shared is False
        service.require_answer()
        assert service.stop().in_time


def test_the_database_reaches_it_by_libpq_s_variables_and_by_its_own(start, tmp_path):
    told = 'printf "%s" "$PGDATABASE $PGUSER $URL" > told; exec python -m http.server "$PORT"'
    url = "postgresql://{db_user}:{db_password}@{db_host}:{db_port}/{db_name}"
    with start(["sh", "-c", told], URL=url, PORT="{port}") as service:
        service.await_ready(Beating())
    said = (tmp_path / "own/told").read_text()
    assert said == "trial lab postgresql://lab:secret-of-the-lab@127.0.0.1:1/trial"
    assert "secret" not in (tmp_path / "service.log").read_text()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["no-such-program"], "no-such-program cannot be started: no such file"),
        (["python", "-c", "raise SystemExit('no table')"], "exit code 1: no table"),
    ],
)
def test_what_cannot_start_says_why(start, argv, told):
    with pytest.raises(Failure, match=told) as failed, start(argv) as service:
        service.await_ready(Beating())
    assert failed.value.code == "service-start"
    assert failed.value.is_of_a_service


def test_another_program_on_its_port_is_not_taken_for_it(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.DEVNULL) as other:
        try:
            other_answers = Endpoint("127.0.0.1", port, None, "/")
            while not other_answers._answers():
                assert other.poll() is None
            sleeps = [shutil.which("sleep"), "30"]
            with start(sleeps, port=port) as service:
                with pytest.raises(Failure) as foreign:
                    service.require_answer()
                assert foreign.value.code == "service-foreign"
        finally:
            other.kill()

"""Programs that the agent runs to their end in the environment of a stack."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from agent import scripts
from bundle.documents.services import ScriptOutcome
from tests.conftest import CHECKOUT, free_port

CONNECTS = """\
import asyncio, sys
import asyncpg

async def main():
    server = await asyncpg.connect(f"postgresql://me:word@localhost:{sys.argv[1]}/mine")
    print(await server.fetchval("select current_user || ' in ' || current_database()"))
    await server.execute("create table t (id int)")

asyncio.run(main())
"""


@pytest.fixture
def ran(tmp_path, lab_folder, postgres_binaries):
    """Run code as the agent does, in the tests' own interpreter; returns the outcome."""

    def carry_out(code, *options):
        program = tmp_path / "program.py"
        program.write_text(code)
        argv = [sys.executable, "-m", "agent.scripts", "--name", "one", "--python", sys.executable]
        argv += ["--program", str(program), "--folder", str(lab_folder)]
        argv += ["--binaries", str(postgres_binaries), *options]
        answer = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)

    return carry_out


def test_what_a_traceback_quotes_of_the_code_is_left_out(ran):
    found = ran("print('begun')\ndef f():\n    secret_code = 1 / 0\nf()\n")
    assert found["exit_status"] == 1
    assert found["said"] == ["begun", "ZeroDivisionError: division by zero"]
    assert found["reason"] is None


def test_a_program_gets_its_arguments_and_a_folder_of_its_own(ran, tmp_path):
    code = "import os, sys\nprint(sys.argv[1:], os.listdir('.'), os.getcwd())\n"
    found = ran(code, "--argument=--a b", "--argument=c")
    assert found["exit_status"] == 0
    assert found["said"][0].startswith("['--a b', 'c'] ['log.txt'] /")
    assert str(tmp_path) not in found["said"][0]


def test_a_signal_is_a_negative_status(ran):
    assert ran("import os\nos.kill(os.getpid(), 9)\n")["exit_status"] == -9


def test_a_program_finds_the_server_that_it_expects(ran, lab_folder):
    before, port = sorted(lab_folder.iterdir()), str(free_port())
    found = ran(CONNECTS, "--port", port, "--argument", port, "--login", "me", "word", "mine")
    assert found["said"] == ["me in mine"]
    assert found["exit_status"] == 0
    assert sorted(lab_folder.iterdir()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


def test_a_role_and_a_database_may_be_called_as_words_of_sql(ran):
    port, code = str(free_port()), CONNECTS.replace("me:word", "user:word").replace("mine", "order")
    found = ran(code, "--port", port, "--argument", port, "--login", "user", "word", "order")
    assert found["said"] == ["user in order"]


def test_a_database_that_the_server_has_itself_is_why_nothing_is_run(ran):
    port = str(free_port())
    found = ran("print('run')", "--port", port, "--login", "me", "word", "postgres")
    assert found["exit_status"] is None
    assert 'database "postgres" already exists' in found["reason"]


def test_on_a_port_that_somebody_has_nothing_is_run(ran):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = ran("print('run')", "--port", port, "--login", "me", "word", "mine")
    assert found["exit_status"] is None
    assert f"cannot have port {port}" in found["reason"]
    assert (found["said"], found["seconds"]) == ([], None)


def test_a_program_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(scripts, "_LIMIT_S", 1.0)
    outcome = ScriptOutcome(
        schema="script/1",
        script="one",
        printed=None,
        sha256="5a" * 32,
        exit_status=None,
        reason=None,
        said=(),
        seconds=None,
    )
    code = "import signal\nprint('waiting', flush=True)\nsignal.pause()\n"
    found = scripts.run(outcome, [sys.executable, "-c", code])
    assert found.exit_status is None
    assert found.reason == "it did not end within 1 s"


def test_only_the_last_lines_are_kept():
    log = "".join(f"{number}\n" for number in range(50)) + "x" * 5000 + "\n"
    kept = scripts.said(log)
    assert kept[0] == "31"
    assert len(kept) == 20
    assert len(kept[-1]) == 500

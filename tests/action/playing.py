"""The workflows of docs/pull-requests.md, carried out on this machine by act.

Real are the workflow, action.yml, git, the lab and what it measures. Played are GitHub's API
(`tests.action.hub`) and the actions that need GitHub: a checkout is a clone of a local repository,
and an artifact is a folder. They take the inputs and give the outputs that the real ones have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ormlab.subject import scaffold
from tests.action.hub import REPOSITORY, TOKEN
from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.action.hub import Hub

PAGE = CHECKOUT / "docs/pull-requests.md"
_WORKFLOW = re.compile(r"^<!-- workflow: (\S+) -->\n\n```yaml\n(.+?)^```", re.MULTILINE | re.DOTALL)
_USED = re.compile(r"uses: (actions/[a-z-]+@[0-9a-f]{40})")
ACTION = f"acme/ormlab@{'a' * 40}"

_STAND_INS = {
    "actions/checkout": """\
name: checkout
description: a clone of the local repository
inputs:
  path: {description: where to, default: .}
  fetch-depth: {description: it has all commits, default: "1"}
  persist-credentials: {description: there are none, default: "true"}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        INTO: ${{ inputs.path }}
      run: git clone --quiet "$PLAYED_REPOSITORY" "$INTO"
""",
    "actions/upload-artifact": """\
name: upload
description: a copy of a folder
inputs:
  name: {description: of the artifact, required: true}
  path: {description: what to keep, required: true}
  if-no-files-found: {description: it fails without, default: warn}
  overwrite: {description: it does, default: "false"}
outputs:
  artifact-url:
    description: its address
    value: ${{ steps.copy.outputs.url }}
runs:
  using: composite
  steps:
    - id: copy
      shell: bash
      env:
        NAME: ${{ inputs.name }}
        KEPT: ${{ inputs.path }}
      run: |
        mkdir "$PLAYED_ARTIFACTS/$NAME"
        cp "$KEPT"/* "$PLAYED_ARTIFACTS/$NAME/"
        echo "url=https://github.com/acme/shop/actions/runs/1/artifacts/1" >>"$GITHUB_OUTPUT"
""",
    "actions/download-artifact": """\
name: download
description: the copy
inputs:
  name: {description: of the artifact, required: true}
  path: {description: where to, default: .}
  run-id: {description: of another run, default: ""}
  github-token: {description: for another run, default: ""}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        NAME: ${{ inputs.name }}
        INTO: ${{ inputs.path }}
      run: cp -r "$PLAYED_ARTIFACTS/$NAME" "$INTO"
""",
}


def workflows() -> dict[str, str]:
    """The workflows of the page by file name, with the action at a commit."""
    found = _WORKFLOW.findall(PAGE.read_text())
    return {name: text.replace("OWNER/ormlab@COMMIT", ACTION) for name, text in found}


def action_of_the_tree(text: str, **inputs: str) -> str:
    """A workflow whose uses of the action have further inputs."""
    lines = "".join(f"          {name}: {json.dumps(value)}\n" for name, value in inputs.items())
    return text.replace(
        f"uses: {ACTION}\n        with:\n", f"uses: {ACTION}\n        with:\n{lines}"
    )


@dataclass(frozen=True)
class Played:
    """A workflow that came to its end."""

    status: int  #: 0 if every job succeeded
    log: str  #: what act and all steps said
    comments: list[dict]  #: on the pull request
    artifact: Path  #: what the first job kept


@dataclass(frozen=True)
class Runner:
    """A machine that runs workflows of one repository."""

    act: Path  #: the program
    folder: Path  #: of its own, empty at first
    hub: Hub

    def play(
        self, name: str, text: str, event: str, payload: Mapping[str, object], source: Path
    ) -> Played:
        """Carry out a workflow on a pull request with the number 7.

        Args:
            name: its file name.
            text: YAML.
            event: that starts it.
            payload: of the event.
            source: the repository that a checkout clones.
        """
        here = self.folder / "here"
        artifacts = self.folder / "artifacts"
        (here / ".github/workflows").mkdir(parents=True, exist_ok=True)
        artifacts.mkdir(exist_ok=True)
        (here / ".actrc").touch()  # without one it asks which images to use
        (here / ".github/workflows" / name).write_text(text)
        (here / "event.json").write_text(json.dumps(payload))
        variables = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.hub.url,
            "PLAYED_REPOSITORY": str(source),
            "PLAYED_ARTIFACTS": str(artifacts),
        }
        ended = subprocess.run(
            [
                *(self.act, event, "--eventpath", "event.json"),
                *("--workflows", f".github/workflows/{name}"),
                *("--platform", "ubuntu-24.04=-self-hosted"),
                *("--action-cache-path", self.folder / "cache"),
                *("--no-cache-server", "--no-skip-checkout"),
                *("--secret", f"GITHUB_TOKEN={TOKEN}"),
                *(word for pair in variables.items() for word in ("--env", "=".join(pair))),
                *self._local(text),
            ],
            cwd=here,
            env=_variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        comments = self.hub.comments.get(7, [])
        return Played(ended.returncode, ended.stdout, comments, artifacts / "ormlab-compare")

    def _local(self, text: str) -> list[str]:
        """Where act finds the actions that a workflow and action.yml use."""
        own = self.folder / "action"
        own.mkdir(exist_ok=True)
        shutil.copyfile(CHECKOUT / "action.yml", own / "action.yml")
        places = {ACTION: own}
        for used in _USED.findall(text + (own / "action.yml").read_text()):
            name, _, _ = used.partition("@")
            places[used] = self.folder / name
            places[used].mkdir(parents=True, exist_ok=True)
            (places[used] / "action.yml").write_text(_STAND_INS[name])
        return [f"--local-repository={used}={place}" for used, place in places.items()]


def _variables() -> dict[str, str]:
    """Those of the tests, but for what a surrounding make tells its own kind."""
    told = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    return {name: value for name, value in os.environ.items() if name not in told}


def repository(folder: Path, *, slowdown: float = 0.0) -> Path:
    """A git repository whose HEAD merges a pull request, which changes the service speed/mylib.

    Args:
        folder: to make.
        slowdown: how much more CPU time the changed service uses for reading a user, as a fraction;
            with 0 it gets a comment.
    """
    git = ("git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org")

    def do(*arguments):
        subprocess.run([*git, *arguments], check=True, capture_output=True)

    folder.mkdir()
    do("init", "--quiet", "--initial-branch=main")
    code = scaffold.create(folder / "speed/mylib", package=None, like=None).folder / "repository.py"
    do("add", ".")
    do("commit", "--quiet", "-m", "base")
    do("switch", "--quiet", "-c", "topic")
    _change(code, slowdown)
    do("commit", "--quiet", "-a", "-m", "change")
    do("switch", "--quiet", "main")
    do("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    return folder


def _change(code: Path, slowdown: float) -> None:
    text = code.read_text()
    table = "        self.users = _Table(self._pool, statements.USERS, fields.USER)\n"
    assert text.count(table) == 1
    change = "        # a pull request that changes nothing\n"
    if slowdown:
        text = text.replace(
            "from workloads.services.errors import",
            "from workloads.services.burden import Burden\nfrom workloads.services.errors import",
        )
        change = f"        self.users.read = Burden({slowdown}).on(self.users.read)\n"
    code.write_text(text.replace(table, table + change))


def pull_request(repository: Path) -> dict[str, object]:
    """The payload of ``pull_request`` for the topic of a made repository."""
    found = subprocess.run(
        ["git", "-C", repository, "rev-parse", "topic"], check=True, capture_output=True, text=True
    )
    own = {"full_name": REPOSITORY}
    head = {"ref": "topic", "sha": found.stdout.strip(), "repo": own}
    return {
        "action": "synchronize",
        "number": 7,
        "pull_request": {"number": 7, "head": head, "base": {"ref": "main", "repo": own}},
    }


def require_set_up() -> str:
    """Why the action would set up this very checkout anew; empty if it would not."""
    ended = subprocess.run(
        ["make", "--question", ".venv/.lab"],
        cwd=CHECKOUT,
        env=_variables(),
        capture_output=True,
        check=False,
    )
    made = ended.returncode == 0
    return "" if made else ".venv is older than what it is made of: make .venv/.dev"

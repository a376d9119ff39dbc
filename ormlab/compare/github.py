"""The pull request of a job of GitHub Actions, and one comment on it, by GitHub's REST API.

https://docs.github.com/rest/issues/comments and /rest/pulls/pulls describe what is asked here. The
comment is found again by how it begins, and by who wrote it, because anybody may write a comment
that begins so, and the token may change those of others.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from ormlab.base.errors import ProvisioningError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AUTHOR: Final = "github-actions[bot]"
"""Who writes with the token that GitHub gives to a job."""

_API: Final = "https://api.github.com"
_PAGE: Final = 100  # the most that one answer holds
_PATIENCE_S: Final = 30.0
_LARGEST: Final = 32 * 2**20  # bytes of an answer: 100 comments of the longest kind have 7 MB
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
# A token goes over TLS, or stays on this machine.
_ADDRESS: Final = re.compile(r"https://[^\s?#]+|http://(?:127\.0\.0\.1|localhost)(?::[0-9]+)?")
_DOCUMENT: Final = "docs/pull-requests.md"


class _Account(msgspec.Struct, frozen=True):
    login: str


class _Comment(msgspec.Struct, frozen=True):
    id: int
    html_url: str
    body: str | None = None
    user: _Account | None = None  # null if the account was deleted


class _Head(msgspec.Struct, frozen=True):
    sha: str


class _PullRequest(msgspec.Struct, frozen=True):
    number: int
    head: _Head


class _Fork(msgspec.Struct, frozen=True):
    owner: _Account


class _Run(msgspec.Struct, frozen=True):
    """Of the event ``workflow_run``: the run that ended, which may be one of a fork."""

    event: str
    head_sha: str
    head_branch: str | None = None
    head_repository: _Fork | None = None


class _Event(msgspec.Struct, frozen=True):
    pull_request: _PullRequest | None = None
    workflow_run: _Run | None = None


class _Refusal(msgspec.Struct, frozen=True):
    message: str = ""


@dataclass(frozen=True)
class PullRequest:
    """What is commented on."""

    number: int
    commit: str  #: the newest of it, which was measured


@dataclass(frozen=True)
class GitHubRepository:
    """A repository, as a job of GitHub Actions may use it."""

    name: str  #: with its owner, as in ``owner/name``
    token: str = field(repr=False)
    api: str = _API
    event: Path | None = None  #: the file that says what the job was started by

    @classmethod
    def here(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """The one whose job this is, by the variables that GitHub sets, and GITHUB_TOKEN.

        Raises:
            UsageError: a variable is missing, or has another form.
        """
        name, token = (variables.get(each, "") for each in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"))
        api, event = variables.get("GITHUB_API_URL", _API), variables.get("GITHUB_EVENT_PATH", "")
        given = {
            "GITHUB_REPOSITORY": _REPOSITORY.fullmatch(name),
            "GITHUB_TOKEN": token.isascii() and token.isprintable() and token,
            "GITHUB_API_URL": _ADDRESS.fullmatch(api),
            "GITHUB_EVENT_PATH": event,
        }
        if lacking := [each for each, is_right in given.items() if not is_right]:
            raise UsageError(
                "github-environment",
                f"the variable {lacking[0]} is missing, or not what GitHub Actions sets",
                where="--post",
                hint=f"--post works in a job of GitHub Actions; {_DOCUMENT} shows one",
            )
        return cls(name, token, api.rstrip("/"), Path(event))

    def pull_request(self) -> PullRequest | None:
        """The pull request that the job is about; None if it was closed or changed since.

        An event ``workflow_run`` names no pull request of a fork, so this asks for the one whose
        newest commit is that of the run.

        Raises:
            UsageError: the event is of no pull request.
            ProvisioningError: GitHub refuses, or cannot be reached.
        """
        event = self._event()
        if event.pull_request:
            return PullRequest(event.pull_request.number, event.pull_request.head.sha)
        run = event.workflow_run
        if run is None or run.event != "pull_request":
            raise UsageError(
                "github-event",
                "the job was started by no pull request, so there is nothing to comment on",
                where=str(self.event),
                hint=f"leave out --post; {_DOCUMENT} shows which jobs can comment",
            )
        if run.head_branch is None or run.head_repository is None:
            return None  # the fork is gone
        head = f"{run.head_repository.owner.login}:{run.head_branch}"
        found = self._pages("pulls", list[_PullRequest], state="open", head=head)
        fitting = (each.number for each in found if each.head.sha == run.head_sha)
        number = next(fitting, None)
        return None if number is None else PullRequest(number, run.head_sha)

    def publish(self, number: int, text: str, *, marker: str, author: str = AUTHOR) -> str:
        """Comment on a pull request, in place of the comment that begins with the same marker.

        Args:
            number: of the pull request.
            text: Markdown that begins with the marker.
            marker: how the comment begins.
            author: who wrote the comment before; that of anybody else stays as it is.

        Returns:
            The address of the comment.

        Raises:
            ProvisioningError: GitHub refuses, or cannot be reached.
        """
        place = f"issues/{number}/comments"
        before = (
            each.id
            for each in self._pages(place, list[_Comment])
            if (each.body or "").startswith(marker) and each.user and each.user.login == author
        )
        known, given = next(before, None), {"body": text}
        if known is None:
            return self._ask("POST", place, _Comment, given).html_url
        return self._ask("PATCH", f"issues/comments/{known}", _Comment, given).html_url

    def _event(self) -> _Event:
        try:
            data = self.event.read_bytes() if self.event else b""
            return msgspec.json.decode(data, type=_Event)
        except (OSError, msgspec.MsgspecError) as wrong:
            raise UsageError(
                "github-event-invalid",
                f"the event of the job cannot be read: {wrong}",
                where=str(self.event),
                hint="GITHUB_EVENT_PATH is the file that GitHub Actions writes",
            ) from None

    def _pages[Item](self, place: str, kind: type[list[Item]], **query: str) -> Iterator[Item]:
        """All items of a list, which comes in pages; the last is not full."""
        page, found = 1, list[Item]()
        while page == 1 or len(found) == _PAGE:
            asked = urlencode({**query, "per_page": str(_PAGE), "page": str(page)})
            found = self._ask("GET", f"{place}?{asked}", kind)
            yield from found
            page += 1

    def _ask[Answer](
        self, method: str, place: str, kind: type[Answer], given: Mapping[str, str] | None = None
    ) -> Answer:
        url = f"{self.api}/repos/{self.name}/{place}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "ormlab",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        body = None if given is None else json.dumps(given).encode()
        # `GitHubRepository.here` lets no other scheme than http and https through.
        request = Request(url, body, headers, method=method)  # noqa: S310
        # Redirects, as of a repository that was renamed, may lead to another host.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read(_LARGEST), type=kind)
        except HTTPError as refused:
            raise _refusal(method, place, refused) from None
        except (OSError, HTTPException, msgspec.MsgspecError) as problem:
            raise ProvisioningError(
                "github-unreachable",
                f"GitHub gave no answer that can be read: {problem}",
                where=f"{method} {url}",
                hint="the bundle is there: comment again later",
            ) from problem


def _refusal(method: str, place: str, refused: HTTPError) -> ProvisioningError:
    with refused:
        try:
            said = msgspec.json.decode(refused.read(_LARGEST), type=_Refusal).message
        except (OSError, HTTPException, msgspec.MsgspecError):
            said = ""
    return ProvisioningError(
        "github-refused",
        f"GitHub refuses with {refused.code}{f': {said[:200]}' if said else ''}",
        where=f"{method} {place.partition('?')[0]}",
        hint="the job needs `permissions: pull-requests: write`, which no event `pull_request` "
        f"gives to one of a fork: {_DOCUMENT} shows how such are commented on",
    )

"""One comment on a pull request: made once, then replaced, and nobody else's is touched."""

from __future__ import annotations

import json

import pytest

from ormlab.base.errors import ProvisioningError, UsageError
from ormlab.compare.github import GitHubRepository
from tests.action import hub as hubs
from tests.action.hub import BOT, REPOSITORY, TOKEN

MARKER = "<!-- ormlab comment compare -->"
SHA = "5" * 40
PULL = {"number": 7, "pull_request": {"number": 7, "head": {"sha": SHA, "ref": "x"}}}


def run_of(branch="topic", **changes):
    """The payload of ``workflow_run``, of a run that a fork's pull request started."""
    owner = {"owner": {"login": "stranger"}}
    run = {"event": "pull_request", "head_sha": SHA, "head_branch": branch}
    return {"workflow_run": run | {"head_repository": owner, "pull_requests": []} | changes}


@pytest.fixture
def repository(hub, tmp_path):
    """The repository of a job that some event started."""

    def here(event=PULL, **changes):
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event))
        variables = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": hub.url,
            "GITHUB_EVENT_PATH": str(file),
        }
        return GitHubRepository.here(variables | changes)

    return here


def test_a_comment_is_made_once_and_then_replaced(hub, repository):
    first = repository().publish(7, f"{MARKER}\nfirst", marker=MARKER)
    second = repository().publish(7, f"{MARKER}\nsecond", marker=MARKER)
    assert first == second == f"https://github.com/{REPOSITORY}/pull/7#issuecomment-1"
    assert [each["body"] for each in hub.comments[7]] == [f"{MARKER}\nsecond"]


def test_comments_of_others_and_of_other_names_stay_as_they_are(hub, repository):
    hub.add(7, f"{MARKER}\nnot the bot's", login="mallory")
    hub.add(7, f"{MARKER}\nof a deleted account", login=None)
    hub.add(7, f"As I said:\n{MARKER}")
    hub.add(7, "<!-- ormlab comment other -->\nof another name")
    before = [dict(each) for each in hub.comments[7]]
    repository().publish(7, f"{MARKER}\nnew", marker=MARKER)
    assert hub.comments[7][:-1] == before
    assert hub.comments[7][-1]["body"] == f"{MARKER}\nnew"


@pytest.mark.parametrize("before", [99, 100, 250])
def test_it_is_found_behind_any_number_of_comments(hub, repository, before):
    for number in range(before):
        hub.add(7, f"comment {number}", login="somebody")
    mine = hub.add(7, MARKER)
    repository().publish(7, f"{MARKER}\nnew", marker=MARKER)
    assert mine["body"] == f"{MARKER}\nnew"
    assert len(hub.comments[7]) == before + 1


def test_the_author_may_be_another_one(hub, repository):
    mine = hub.add(7, MARKER, login="our-app[bot]")
    repository().publish(7, f"{MARKER}\nnew", marker=MARKER, author="our-app[bot]")
    assert mine["body"] == f"{MARKER}\nnew"
    assert mine["user"]["login"] != BOT


def test_a_token_that_may_not_write_is_told_what_it_needs(hub, repository):
    hub.may_write = False
    with pytest.raises(ProvisioningError) as refused:
        repository().publish(7, MARKER, marker=MARKER)
    assert refused.value.what == "GitHub refuses with 403: Resource not accessible by integration"
    assert "pull-requests: write" in refused.value.hint
    assert refused.value.where == "POST issues/7/comments"


def test_a_wrong_token_is_refused_and_never_shown(repository):
    wrong = repository(GITHUB_TOKEN="ghs_wrong")
    assert "ghs_wrong" not in repr(wrong)
    with pytest.raises(ProvisioningError, match="401: Bad credentials"):
        wrong.publish(7, MARKER, marker=MARKER)


def test_a_redirect_gets_no_token(hub, repository):
    with hubs.served() as other:
        hub.moved_to = other.url
        with pytest.raises(ProvisioningError, match="401"):
            repository().publish(7, MARKER, marker=MARKER)
        assert [authorization for *_, authorization in other.asked] == [None]


def test_an_answer_that_is_none_and_a_server_that_is_none_are_one_clear_error(hub, repository):
    hub.add(7, "fine")["id"] = "one"
    with pytest.raises(ProvisioningError, match="no answer that can be read"):
        repository().publish(7, MARKER, marker=MARKER)
    with pytest.raises(ProvisioningError, match="no answer that can be read"):
        repository(GITHUB_API_URL="http://127.0.0.1:9").publish(7, MARKER, marker=MARKER)


def test_a_pull_request_names_itself(repository):
    found = repository().pull_request()
    assert (found.number, found.commit) == (7, SHA)


def test_that_of_a_fork_is_the_open_one_with_the_commit_of_the_run(hub, repository):
    hub.pulls = [
        (3, "acme", "topic", SHA),
        (4, "stranger", "topic", "6" * 40),
        (5, "stranger", "topic", SHA),
    ]
    found = repository(run_of()).pull_request()
    assert (found.number, found.commit) == (5, SHA)


@pytest.mark.parametrize(
    "event",
    [run_of(), run_of(branch="gone"), run_of(head_branch=None), run_of(head_repository=None)],
)
def test_one_that_was_closed_or_changed_since_is_none(hub, repository, event):
    hub.pulls = [(4, "stranger", "topic", "6" * 40)]
    assert repository(event).pull_request() is None


@pytest.mark.parametrize("event", [{}, {"schedule": "17 3 * * *"}, run_of(event="push")])
def test_another_event_has_nothing_to_comment_on(repository, event):
    with pytest.raises(UsageError, match="started by no pull request"):
        repository(event).pull_request()


@pytest.mark.parametrize("event", [[], {"pull_request": {"number": "7"}}])
def test_an_event_of_another_form_is_refused(repository, event):
    with pytest.raises(UsageError, match="the event of the job cannot be read"):
        repository(event).pull_request()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", "acme"),
        ("GITHUB_REPOSITORY", "acme/shop/../other"),
        ("GITHUB_TOKEN", ""),
        ("GITHUB_TOKEN", "two\r\nlines"),
        ("GITHUB_API_URL", "http://example.org"),
        ("GITHUB_API_URL", "file:///etc"),
        ("GITHUB_EVENT_PATH", ""),
    ],
)
def test_variables_of_another_form_are_refused(repository, name, value):
    with pytest.raises(UsageError, match=f"the variable {name} "):
        repository(**{name: value})

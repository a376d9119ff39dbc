"""GitHub's REST API as far as a comment needs it, played on the loopback interface.

It answers as https://docs.github.com/rest/issues/comments and /rest/pulls/pulls have it: statuses,
keys, pages with their Link, and refusals.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/shop"
TOKEN = "ghs_of-the-tests"
BOT = "github-actions[bot]"
LONGEST = 65_536


class Hub(ThreadingHTTPServer):
    """One repository; whoever has the token writes as the bot of GitHub Actions."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.comments = {}  #: by number of the pull request: the comments on it
        self.pulls = []  #: the open ones: number, head's owner, branch and commit
        self.may_write = True
        self.moved_to = None  #: address to which every request is redirected
        self.asked = []  #: method and path of every request, and who asked
        self._last = 0

    def add(self, number, body, login=BOT):
        """Write a comment as somebody."""
        self._last += 1
        comment = {
            "id": self._last,
            "url": f"{self.url}/repos/{REPOSITORY}/issues/comments/{self._last}",
            "html_url": f"https://github.com/{REPOSITORY}/pull/{number}#issuecomment-{self._last}",
            "body": body,
            "user": login and {"login": login, "id": 1, "type": "Bot" if login == BOT else "User"},
            "created_at": "2026-11-30T12:00:00Z",
        }
        self.comments.setdefault(number, []).append(comment)
        return comment


@contextmanager
def served():
    """A hub that answers as long as the block lasts."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def do_PATCH(self):
        self._answer("PATCH")

    def _answer(self, method):
        hub, asked = self.server, urlsplit(self.path)
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorization = self.headers.get("Authorization")
        hub.asked.append((method, self.path, authorization))
        if hub.moved_to:
            self._say(307, {"message": "Moved"}, {"Location": hub.moved_to + self.path})
        elif not self.headers.get("User-Agent"):
            self._say(403, {"message": "Request forbidden by administrative rules."})
        elif authorization != f"Bearer {TOKEN}":
            self._say(401, {"message": "Bad credentials"})
        elif method != "GET" and not hub.may_write:
            self._say(403, {"message": "Resource not accessible by integration"})
        else:
            place = asked.path.removeprefix(f"/repos/{REPOSITORY}/")
            query = {key: values[-1] for key, values in parse_qs(asked.query).items()}
            self._carry_out(method, place, query, given)

    def _carry_out(self, method, place, query, given):
        hub = self.server
        on_one = re.fullmatch(r"issues/(\d+)/comments", place)
        one = re.fullmatch(r"issues/comments/(\d+)", place)
        every = [each for those in hub.comments.values() for each in those]
        known = [each for each in every if one and each["id"] == int(one[1])]
        if method == "GET" and place == "pulls":
            self._page(self._pulls(query), query)
        elif method == "GET" and on_one:
            self._page(hub.comments.get(int(on_one[1]), []), query)
        elif method == "POST" and on_one:
            self._written(given, lambda body: hub.add(int(on_one[1]), body), 201)
        elif method == "PATCH" and known:
            self._written(given, lambda body: known[0].update(body=body) or known[0], 200)
        else:
            self._say(404, {"message": "Not Found"})

    def _pulls(self, query):
        return [
            {"number": number, "state": "open", "head": {"ref": branch, "sha": sha}}
            for number, owner, branch, sha in self.server.pulls
            if query.get("head", f"{owner}:{branch}") == f"{owner}:{branch}"
        ]

    def _written(self, given, write, status):
        body = json.loads(given).get("body")
        if not body or len(body) > LONGEST:
            self._say(422, {"message": "Validation Failed"})
        else:
            self._say(status, write(body))

    def _page(self, every, query):
        size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        shown = every[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(every):
            url = f"{self.server.url}{urlsplit(self.path).path}?per_page={size}&page={page + 1}"
            headers["Link"] = f'<{url}>; rel="next"'
        self._say(200, shown, headers)

    def _say(self, status, document, headers=()):
        data = json.dumps(document).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

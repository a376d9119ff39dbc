"""Ledgers that went wrong: texts that a slip, a bad tool or somebody hostile may leave."""

from __future__ import annotations

import re
from datetime import date

import yaml
from hypothesis import strategies as st

from ormlab.judging.ledger import LEDGERS
from tests.claims.making import LEDGER
from tests.conftest import CHECKOUT

_PAGE = (CHECKOUT / "docs/claims.md").read_text()
(EXAMPLE,) = re.findall(r"<!-- example -->\n\n```yaml\n(.*?)```", _PAGE, re.DOTALL)


def part_of_the_article(*claims: str) -> str:
    """The article's ledger with some of its claims and none of its checks, as text."""
    made = yaml.safe_load((LEDGERS / "article.yaml").read_text())
    made["claims"] = {name: {**made["claims"][name], "entailed_by": []} for name in claims}
    made.pop("checks")
    return yaml.safe_dump(made, sort_keys=False)


WHOLE = (LEDGER, EXAMPLE, part_of_the_article("tput.sqlalchemy", "py313.asyncpg", "rss.ratio"))

# What a YAML reader takes for something else than it looks like, or cannot take at all.
WORDS = (
    "yes", "~", ".nan", ".inf", "1e999", "0x1f", "1:30", "2026-13-45", "2026-02-30", "=", "<<",
    "9" * 5000, "-", "[", "{", "]", "}", "'", '"', "|", ">", "&a", "*a", "!!int", "!x y",
    "!!python/object/apply:os.system [ls]", "!!binary aGk=", "!!set {a}", "? [a]", "%YAML 3.0",
    "---", "...", "\t", "\x00", "\x85", "\ud7ff", "\ufeff", "\u202e", "x" * 100_000, "\n" * 1000,
    "[" * 200, "{a: " * 200, "- " * 200, "a: &b [*b]", "<<: {a: 1}", "# ", "@", "`",
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.dates()
    | st.text(max_size=40)
    | st.sampled_from(["throughput", "page", "all", "a", "stated", "any", "x" * 50_000, date.max]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A ledger as bytes, changed one to three times as text or as data."""
    text = draw(st.sampled_from(WHOLE))
    if draw(st.booleans()):
        document = yaml.safe_load(text)
        for _ in range(draw(st.integers(1, 3))):
            document = _changed_data(draw, document)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=draw(st.booleans()))
    else:
        for _ in range(draw(st.integers(1, 3))):
            text = _changed_text(draw, text)
    data = text.encode(errors="surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at:]
    return data


def _changed_text(draw: st.DrawFn, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = draw(st.integers(0, len(lines) - 1))
    place = draw(st.integers(0, len(text)))
    match draw(st.sampled_from(["cut", "drop", "twice", "indent", "insert", "replace", "swap"])):
        case "cut":
            return text[:place]
        case "drop":
            del lines[at : at + draw(st.integers(1, 3))]
        case "twice":
            lines.insert(at, lines[at])
        case "indent":
            lines[at] = " " * draw(st.integers(1, 5)) + lines[at]
        case "insert":
            return text[:place] + draw(st.sampled_from(WORDS) | st.text(max_size=5)) + text[place:]
        case "replace":
            key, colon, _ = lines[at].partition(": ")
            lines[at] = f"{key}{colon}{draw(st.sampled_from(WORDS))}\n"
        case "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
    return "".join(lines)


def _changed_data(draw: st.DrawFn, document: object) -> object:
    """The document with a value replaced, taken out or added at some place."""
    places = list(_places(document))
    if not places:
        return draw(VALUES)
    holder, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(["replace", "remove", "add", "nest"])):
        case "replace":
            holder[key] = draw(VALUES)
        case "remove":
            del holder[key]
        case "nest":
            for _ in range(draw(st.sampled_from([1, 5, 60]))):
                holder[key] = {"deeper": holder[key]}
        case "add" if isinstance(holder, dict):
            holder[draw(st.text(max_size=10) | st.sampled_from(["note", "kind"]))] = draw(VALUES)
        case "add":
            holder.append(draw(VALUES))
    return document


def _places(node: object):
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])

"""An SVG file of matplotlib made fit to stand inside a page, beside others."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from xml.etree import ElementTree as ET

from bundle.display import visible

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"


class Role(StrEnum):
    """Colours by what they are for: stand-ins in the drawing, variables in the page."""

    INK = "#010100"
    QUIET = "#010101"
    RULE = "#010102"
    BAND = "#010103"
    PAPER = "#010104"
    GOOD = "#010105"
    BAD = "#010106"


PALETTE: Final = tuple(f"#01020{number}" for number in range(6))
_VARIABLES: Final = {
    **{role.value: f"var(--{role.name.lower()})" for role in Role},
    **{color: f"var(--series-{number})" for number, color in enumerate(PALETTE)},
}
_COLOUR: Final = re.compile("|".join(map(re.escape, _VARIABLES)))
_REFERENCE: Final = re.compile(r"url\(#")


def embed(source: str, *, name: str, title: str, description: str) -> str:
    """Return the element for a page.

    Args:
        source: the SVG file.
        name: unique in the page; every id of the file gets it as a prefix.
        title: what a reader who hears the page is told first.
        description: and then.
    """
    root = ET.fromstring(source)  # noqa: S314 - it was drawn here a moment ago
    for metadata in root.findall(f"{_SVG}metadata"):
        root.remove(metadata)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        _adapt(element.attrib, name)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-description"}
    said = (("title", "title", title), ("desc", "description", description))
    for place, (tag, suffix, text) in enumerate(said):
        element = ET.Element(tag, id=f"{name}-{suffix}")
        element.text = visible(text)
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")


def _adapt(attributes: dict[str, str], name: str) -> None:
    if _LINK in attributes:
        attributes["href"] = attributes.pop(_LINK).replace("#", f"#{name}-", 1)
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    if "clip-path" in attributes:
        attributes["clip-path"] = _REFERENCE.sub(f"url(#{name}-", attributes["clip-path"])
    if "style" in attributes:
        attributes["style"] = _COLOUR.sub(lambda found: _VARIABLES[found[0]], attributes["style"])

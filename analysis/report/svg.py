"""An SVG file of matplotlib that follows light and dark, and the colours of pages."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from bundle.display import visible

_NAMESPACE = "http://www.w3.org/2000/svg"
_SVG = f"{{{_NAMESPACE}}}"
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


_VARIABLES: Final = {role.value: f"var(--{role.name.lower()})" for role in Role}
_COLOUR: Final = re.compile("|".join(map(re.escape, _VARIABLES)))
_REFERENCE: Final = re.compile(r"url\(#")
# As wide as the font that matplotlib laid the text out with, where that is missing.
_FONT: Final = 'text { font-family: "DejaVu Sans", Verdana, sans-serif !important; }\n'
_COLOURS: Final = Path(__file__).parent / "templates/colours.css"


def colours() -> str:
    """The style sheet of the variables, light and dark; a page and a file of its own share it."""
    return _COLOURS.read_text()


def standalone(source: str, *, name: str, title: str, description: str) -> str:
    """Return a file that follows light and dark by itself.

    It paints its own background: the page around it may be light while the reader's system is dark.

    Args:
        source: the SVG file.
        name: every id of the file gets it as a prefix.
        title: what a screen reader says first.
        description: what it says next.
    """
    root = _adapted(source, name=name, title=title, description=description)
    root.set("xmlns", _NAMESPACE)
    style = ET.Element("style")
    style.text = f"{colours()}svg {{ background: var(--paper); }}\n{_FONT}"
    root.insert(0, style)
    return ET.tostring(root, encoding="unicode") + "\n"


def _adapted(source: str, *, name: str, title: str, description: str) -> ET.Element:
    root = ET.fromstring(source)  # noqa: S314 - it was drawn here a moment ago
    for metadata in root.findall(f"{_SVG}metadata"):
        root.remove(metadata)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        _adapt(element.attrib, name)
    root.attrib.pop("version", None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-description"}
    descriptions = (("title", "title", title), ("desc", "description", description))
    for place, (tag, suffix, text) in enumerate(descriptions):
        element = ET.Element(tag, id=f"{name}-{suffix}")
        element.text = visible(text)
        root.insert(place, element)
    return root


def _adapt(attributes: dict[str, str], name: str) -> None:
    if _LINK in attributes:
        attributes["href"] = attributes.pop(_LINK).replace("#", f"#{name}-", 1)
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    if "clip-path" in attributes:
        attributes["clip-path"] = _REFERENCE.sub(f"url(#{name}-", attributes["clip-path"])
    if "style" in attributes:
        attributes["style"] = _COLOUR.sub(lambda found: _VARIABLES[found[0]], attributes["style"])

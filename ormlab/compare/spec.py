"""One subject as it is written on a command line, such as ``sqlalchemy@2.0.44{pool.size=5}``."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from bundle.documents.subject import Option, Subject
from bundle.meant import meant
from ormlab.base.errors import PlanError, UsageError
from ormlab.plan import refs, services
from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workloads.services.manifest import Service

FORM: Final = (
    "NAME, NAME@VERSION or NAME+PATH, each with {KEY=VALUE,...} if need be; a folder's path, with "
    "a / in it, stands for the NAME of the service in it; an application's has @REF of git"
)

_PARTS = re.compile(
    r"(?P<service>[^@+{}]*)(?:@(?P<version>[^{}]*)|\+(?P<path>[^{}]*))?(?:\{(?P<settings>[^{}]*)\})?"
)
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\.dev[0-9]+)?")
_LONGEST_VERSION = 20
# The name sets the first two; controls alone use the third.
_NOT_SET = ("service", "ref", "burden")
_OPTIONS = "options."


@dataclass(frozen=True)
class Spec:
    """What a subject is, as far as the command line says."""

    service: Service  #: one of the lab's own, or that of a folder
    version: str | None = None  #: of its package; None for the stack's own
    path: Path | None = None  #: a local checkout or wheel of its package; None for a release
    #: keys and values as the plan's Subject has them, with a dot between the levels
    settings: Mapping[str, Option] = field(default_factory=dict)
    ref: str | None = None  #: the commit at which an application was checked out

    def __str__(self) -> str:
        """The text that `parse` reads as this one."""
        what = f"@{self.version}" if self.version else f"+{self.path}" if self.path else ""
        pairs = ",".join(f"{key}={_said(value)}" for key, value in self.settings.items())
        return f"{self.named}{what}{f'{{{pairs}}}' if pairs else ''}"

    @property
    def named(self) -> str:
        """The name of its service, or the path of a folder outside of the lab."""
        service = self.service
        if service.is_shipped:
            return service.name
        path = str(service.folder)
        return path if "/" in path else f"./{path}"

    @property
    def stack(self) -> str | None:
        """The stack that the settings name; None if they name none."""
        named = self.settings.get("stack")
        return None if named is None else str(named)

    def subject(self, stack: str) -> Subject:
        """The subject of a plan, on a stack.

        Raises:
            ValidationError: a setting has a value that it cannot have.
        """
        keys: dict[str, Any] = {}
        for key, value in self.settings.items():
            place = keys
            *above, last = key.split(".", 1)
            for part in above:
                place = place.setdefault(part, {})
            place[last] = value
        told = {**keys, "service": self._place, "stack": stack, "ref": self.ref}
        return Subject.model_validate(told)

    @property
    def _place(self) -> str:
        """What names its service in a plan."""
        service = self.service
        return service.name if service.is_shipped else str(service.folder.resolve())


def parse(text: str) -> Spec:
    """Read one subject.

    Raises:
        UsageError: a part of it is wrong; the message names the part and what is allowed.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise _refused(text, "it has not the form of a subject", f"write {FORM}")
    service, version, path = _service(text, parts["service"]), parts["version"], parts["path"]
    ref = None
    if service.is_application and (version or path):
        service, ref, version = *_at_ref(text, service.folder, version), None
    if version is not None and not is_version(version):
        raise _refused(
            text, f"{version!r} is no version", "write it as in 2.0.44, 2.1.0rc1 or 2.1.0.post1"
        )
    if path == "":
        raise _refused(text, "there is no path after the +", "name a checkout or a wheel")
    settings = dict(_settings(text, parts["settings"])) if parts["settings"] is not None else {}
    spec = Spec(service, version, Path(path) if path else None, settings, ref)
    if spec.stack and (version or path):
        raise _refused(
            text, "its stack decides its version", "give a stack, or a version or path, not both"
        )
    try:
        spec.subject(spec.stack or service.stack)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise _refused(text, f"{key} is {first['input']!r}: {reason}", _see(key)) from None
    return spec


def is_version(text: str) -> bool:
    """Whether a subject can be written with this version."""
    return len(text) <= _LONGEST_VERSION and bool(_VERSION.fullmatch(text))


def _service(text: str, given: str) -> Service:
    if "/" in given:
        try:
            return services.outside(Path(given), where=text)
        except PlanError as wrong:
            raise _refused(text, wrong.what, wrong.hint) from None
    known = manifest.shipped()
    if given not in known:
        raise _refused(
            text,
            f"there is no service {given!r}",
            f"{meant(given, known, '{} ')}the services are {', '.join(known)}; a folder's path "
            "has a / in it",
        )
    return known[given]


def _at_ref(text: str, folder: Path, ref: str | None) -> tuple[Service, str]:
    """An application at a ref of its repository, and the commit."""
    if ref is None:
        raise _refused(
            text, "an application has no package of its own", f"write {folder}@REF, a ref of git"
        )
    try:
        found = refs.checked_out(folder, ref, where=text)
        return services.outside(found.folder, where=text), found.commit
    except PlanError as wrong:
        raise _refused(text, wrong.what, wrong.hint) from None


def allowed() -> list[str]:
    """The keys of the settings, ``options.NAME`` for those that the service itself knows."""
    keys: list[str] = []
    for name, about in Subject.model_fields.items():
        kind = about.annotation
        if name in _NOT_SET:
            continue
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += [f"{name}.{key}" for key in kind.model_fields]
        else:
            keys.append(f"{_OPTIONS}NAME" if name == "options" else name)
    return keys


def _settings(text: str, given: str) -> Iterator[tuple[str, Option]]:
    known, seen = allowed(), set()
    for pair in given.split(","):
        key, equals, value = pair.strip().partition("=")
        key = key.strip()
        if not equals or not value.strip():
            raise _refused(
                text, f"{pair.strip()!r} is no setting", "write {KEY=VALUE}, commas between several"
            )
        is_option = key.startswith(_OPTIONS) and key.removeprefix(_OPTIONS).isidentifier()
        if key not in known and not is_option:
            raise _refused(
                text,
                f"there is no setting {key!r}",
                f"{meant(key, known, '{} ')}the settings are {', '.join(known)}",
            )
        if key in seen:
            raise _refused(text, f"the setting {key!r} stands there twice", "leave one out")
        seen.add(key)
        yield key, _value(value.strip())


def _value(text: str) -> Option:
    """A finite number, true, false or null where the text is one, else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    is_known = value is None or (isinstance(value, bool | int | float) and math.isfinite(value))
    return value if is_known else text


def _said(value: Option) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _see(key: str) -> str:
    return f"docs/plans.md says what {key.partition('.')[0]} may be"


def _refused(text: str, what: str, hint: str) -> UsageError:
    return UsageError("subject-invalid", f"the subject {text!r}: {what}", where=text, hint=hint)

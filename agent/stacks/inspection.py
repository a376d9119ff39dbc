"""Install a whole stack, or one package of it, into an environment, and see whether it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agent.stacks import reasons
from bundle.documents.services import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.stacks.environment import Environment
    from bundle.documents.services import Interpreter
    from workloads.stacks import Stack


@dataclass(frozen=True)
class Finding:
    """The state of one environment."""

    failures: list[Failed]  #: empty if everything works
    python: Interpreter | None = None  #: the interpreter; None if there is no environment
    #: versions of the installed packages, by name
    packages: dict[str, str] = field(default_factory=dict)
    #: by module, whether it was loaded compiled; empty after any other failure
    extensions: dict[str, bool] = field(default_factory=dict)


def inspect(
    place: Environment, stack: Stack, interpreter: str, alone: str | None = None
) -> Finding:
    """Make the environment, install, import and look for the C extensions.

    Args:
        place: the environment.
        stack: the stack.
        interpreter: absolute path of the CPython to use.
        alone: the only package to install, with its requirements; None installs the whole stack.
            Only its top level is imported, because modules below may need another package.

    Raises:
        HostError: the network, the disk or the memory failed.
        OSError: uv cannot be started, or a file cannot be written.
    """
    log = place.log.name
    made = place.create(interpreter)
    if made.code != 0:
        failed = Failed(
            package="cpython",
            version=stack.python,
            stage="interpreter",
            reason=reasons.why(made.output),
            log=log,
        )
        return Finding([failed])
    installed = place.fill_alone(stack, alone) if alone else place.fill(stack)
    if installed.code != 0:
        failures = [_not_installed(stack, alone, installed.output, log)]
        return _describe(place, failures) or Finding(failures)
    imports = dict(stack.imports)
    compiled = dict(stack.compiled)
    if alone:
        imports = {alone: imports[alone].partition(".")[0]}
        compiled = {alone: compiled.get(alone, ())}
    modules = [module for group in compiled.values() for module in group]
    answer = place.probe(imports.values(), modules)
    if answer is None:
        failures = [_failed(stack, alone, "import", "the interpreter crashed or hung", log)]
        return _describe(place, failures) or Finding(failures)
    failures = list(_not_imported(stack, imports, answer.imports, log))
    # A failed import leaves modules unloaded, so nothing is known about their extensions.
    extensions = {} if failures else answer.extensions
    if not failures:
        failures += _not_as_declared(stack, compiled, extensions, log)
    return Finding(failures, answer.python, answer.packages, extensions)


def _describe(place: Environment, failures: list[Failed]) -> Finding | None:
    """The finding about an environment without importing anything from it."""
    answer = place.probe()
    return Finding(failures, answer.python, answer.packages) if answer else None


def _not_installed(stack: Stack, alone: str | None, output: str, log: str) -> Failed:
    name, version = reasons.culprit(output) or _named(stack, alone)
    reason = reasons.why(output)
    return Failed(package=name, version=version, stage="install", reason=reason, log=log)


def _not_imported(
    stack: Stack, imports: Mapping[str, str], problems: Mapping[str, str | None], log: str
) -> Iterator[Failed]:
    for package, module in imports.items():
        if reason := problems[module]:
            yield _failed(stack, package, "import", reason, log)


def _not_as_declared(
    stack: Stack, compiled: Mapping[str, Sequence[str]], loaded: Mapping[str, bool], log: str
) -> Iterator[Failed]:
    for package, modules in compiled.items():
        is_pure = package in stack.pure
        wrong = ", ".join(module for module in modules if loaded[module] is is_pure)
        if wrong:
            what = "compiled, which it must not be" if is_pure else "not loaded compiled"
            yield _failed(stack, package, "extension", f"{what}: {wrong}", log)


def _failed(
    stack: Stack, package: str | None, stage: Literal["extension", "import"], reason: str, log: str
) -> Failed:
    name, version = _named(stack, package)
    return Failed(package=name, version=version, stage=stage, reason=reason, log=log)


def _named(stack: Stack, package: str | None) -> tuple[str, str | None]:
    """A package with its version, or the stack itself where no package is known."""
    if package is None:
        return stack.name, None
    pin = stack.pins().get(package)
    return package, pin.version if pin else None

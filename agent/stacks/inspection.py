"""Fill one environment, with a whole stack or with one package of it, and see whether it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.stacks import reasons
from agent.stacks.outcome import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.stacks.environment import Environment
    from workloads.stacks import Stack


@dataclass(frozen=True)
class Finding:
    """What one environment showed.

    Attributes:
        failures: what does not work; empty if all does.
        python: the interpreter, as probe.py describes it; None if there is no environment.
        packages: what is installed, name and version.
        extensions: module and whether it was loaded compiled; empty after any other failure.
    """

    failures: list[Failed]
    python: dict[str, Any] | None = None
    packages: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, bool] = field(default_factory=dict)


def inspect(
    place: Environment, stack: Stack, interpreter: str, alone: str | None = None
) -> Finding:
    """Make the environment, install, import and look for the C extensions.

    Args:
        place: where.
        stack: what.
        interpreter: absolute path of the CPython to use.
        alone: the only package to install, with what it needs; None installs the whole stack.
            It is imported by its top level, since what lies below may need another package.

    Raises:
        HostError: the network, the disk or the memory failed.
        OSError: uv cannot be started, or a file cannot be written.
    """
    log = place.log.name
    made = place.create(interpreter)
    if made.code != 0:
        reason = reasons.why(made.output)
        return Finding([Failed("cpython", stack.python, "interpreter", reason, log)])
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
        reason = "the interpreter crashed or hung"
        failures = [Failed(*_named(stack, alone), "import", reason, log)]
        return _describe(place, failures) or Finding(failures)
    failures = list(_not_imported(stack, imports, answer["imports"], log))
    # A failed import leaves modules unloaded: what is compiled can no longer be told.
    extensions = {} if failures else answer["extensions"]
    if not failures:
        failures += _not_as_declared(stack, compiled, extensions, log)
    return Finding(failures, answer["python"], answer["packages"], extensions)


def _describe(place: Environment, failures: list[Failed]) -> Finding | None:
    """What can be said of an environment without importing anything from it."""
    answer = place.probe()
    return Finding(failures, answer["python"], answer["packages"]) if answer else None


def _not_installed(stack: Stack, alone: str | None, output: str, log: str) -> Failed:
    name, version = reasons.culprit(output) or _named(stack, alone)
    return Failed(name, version, "install", reasons.why(output), log)


def _not_imported(
    stack: Stack, imports: Mapping[str, str], problems: Mapping[str, str | None], log: str
) -> Iterator[Failed]:
    for package, module in imports.items():
        if reason := problems[module]:
            yield Failed(*_named(stack, package), "import", reason, log)


def _not_as_declared(
    stack: Stack, compiled: Mapping[str, Sequence[str]], loaded: Mapping[str, bool], log: str
) -> Iterator[Failed]:
    for package, modules in compiled.items():
        is_pure = package in stack.pure
        wrong = ", ".join(module for module in modules if loaded[module] is is_pure)
        if wrong:
            what = "compiled, which it must not be" if is_pure else "not loaded compiled"
            yield Failed(*_named(stack, package), "extension", f"{what}: {wrong}", log)


def _named(stack: Stack, package: str | None) -> tuple[str, str | None]:
    """A package with its version, or the stack itself where no package is known."""
    if package is None:
        return stack.name, None
    pin = stack.pins().get(package)
    return package, pin.version if pin else None

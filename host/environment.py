"""The variables of every program that the lab starts: those of a table, nothing else.

By default a program inherits its caller's variables, and a variable can change a measurement
without a trace: ``PYTHONASYNCIODEBUG=1`` costs a service five sixths of its throughput. So one
function makes the environment of every program from the table `PROGRAMS`. A variable that is not in
the table reaches no program, whoever set it.

Works under Python 3.9, because bootstrap.py imports it before the lab has an interpreter of its
own. ``python -m host PROGRAM COMMAND...`` runs a command in such an environment.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from . import mirror

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Program = Literal[
    "agent",
    "ansible",
    "database",
    "generator",
    "git",
    "installer",
    "orchestrator",
    "psql",
    "scheduler",
    "service",
    "signer",
    "ssh",
    "tool",
]


@dataclass(frozen=True)
class Allowance:
    """The variables of one kind of program."""

    what: str  #: which programs these are
    #: names of the caller's variables that they get, besides those of every program
    passed: tuple[str, ...] = ()
    #: variables that have this value whatever the caller has
    fixed: dict[str, str] = field(default_factory=dict)


_EVERY = ("HOME", "PATH", "TMPDIR")
# For a caller without PATH: the one that a login shell of Debian sets for root.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# glibc 2.35 and Debian's older one have C.UTF-8 without a locale being generated.
_NEUTRAL = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
# The lab parses the output of compilers and PostgreSQL's programs, so it must be plain ASCII.
_ASCII = {"LC_ALL": "C"}

_NETWORK = (
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
    *("all_proxy", "https_proxy", "http_proxy", "no_proxy"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
# Where packages come from. Hash-locked requirements alone decide which packages are installed.
_REGISTRY = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT", "UV_INSECURE_HOST", "UV_NATIVE_TLS", "UV_OFFLINE"),
    "UV_SYSTEM_CERTS",
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT"),
    *("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_NO_INDEX", "PIP_PROXY"),
    *("PIP_RETRIES", "PIP_TIMEOUT", "PIP_TRUSTED_HOST"),
    *("NETRC", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME"),  # of pip's configuration
)
_INTERPRETERS = (
    *("ORMLAB_FETCH_PYTHON", "PYENV_ROOT"),
    *("UV_PYTHON_DOWNLOADS_JSON_URL", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_INSTALL_MIRROR"),
)
_SSH = ("LOGNAME", "SSH_AUTH_SOCK", "USER")

PROGRAMS: dict[Program, Allowance] = {
    "agent": Allowance("the lab's agent on a host"),
    "ansible": Allowance(
        "Ansible, with the passwords that an inventory needs",
        (
            *_NETWORK,
            *_SSH,
            *("ANSIBLE_BECOME_PASSWORD_FILE", "ANSIBLE_CONNECTION_PASSWORD_FILE"),
            *("ANSIBLE_VAULT_IDENTITY_LIST", "ANSIBLE_VAULT_PASSWORD_FILE"),
        ),
    ),
    "database": Allowance("PostgreSQL's server and initdb", fixed=_ASCII),
    "generator": Allowance("load generators: wrk and the asyncio clients"),
    "git": Allowance("git", ("SUDO_UID", "XDG_CONFIG_HOME")),
    "installer": Allowance(
        "uv, pip, and what they build",
        (*_NETWORK, *_REGISTRY, *_INTERPRETERS),
        {**_ASCII, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0", "UV_NO_CONFIG": "1"},
    ),
    "orchestrator": Allowance(
        "the lab's own command line, where a tool of the lab runs it",
        (*_NETWORK, *_REGISTRY, *_INTERPRETERS, *_SSH),
    ),
    "psql": Allowance("psql; its arguments name the server", fixed=_ASCII),
    "scheduler": Allowance(
        "Slurm's commands; a task of an array has the variables of the sbatch that submitted it",
        (
            *(*_NETWORK, *_REGISTRY, *_INTERPRETERS, *_SSH, "SLURM_CONF"),
            *("SBATCH_ACCOUNT", "SBATCH_PARTITION", "SBATCH_QOS", "SBATCH_RESERVATION"),
            "SBATCH_TIMELIMIT",
        ),
    ),
    "service": Allowance("services under test"),
    "signer": Allowance(
        "ssh-keygen, which may ask for a passphrase",
        (*_SSH, "DISPLAY", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "TERM", "WAYLAND_DISPLAY"),
    ),
    "ssh": Allowance("ssh to a jump host, or the inventory's own ProxyCommand", _SSH),
    "tool": Allowance("everything else"),
}
"""What each kind of program may have."""

MEASURED: tuple[Program, ...] = ("agent", "database", "generator", "service")
"""Programs that influence a measurement."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


def passed(program: Program) -> tuple[str, ...]:
    """Names of the caller's variables that reach a kind of program, sorted."""
    allowance = PROGRAMS[program]
    return tuple(sorted({*_EVERY, *allowance.passed} - fixed(program).keys()))


def fixed(program: Program) -> dict[str, str]:
    """The variables that a kind of program has whatever its caller has."""
    return {**_NEUTRAL, **PROGRAMS[program].fixed}


def environment(program: Program, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make the whole environment of a program from this process's; it always has ``PATH``.

    Args:
        program: its kind, a key of `PROGRAMS`.
        extra: variables that the lab gives this one program; they override all others.
    """
    caller = os.environ
    kept = {name: caller[name] for name in passed(program) if name in caller}
    kept["PATH"] = kept.get("PATH") or _PATH
    if program == "installer":
        kept = {**mirror.trust(), **mirror.variables(), **kept}
    return {**kept, **fixed(program), **(extra or {})}


def shell(program: Program) -> str:
    """Words of a POSIX shell that start a program in its environment: ``exec WORDS argv...``.

    The shell fills in the values of its own machine. After a login over ssh this removes what sshd,
    PAM and the account's files set.
    """
    words = [f'${{{name}+"{name}=${name}"}}' for name in passed(program) if name != "PATH"]
    words.append(f'"PATH=${{PATH:-{_PATH}}}"')
    words += [shlex.quote(f"{name}={value}") for name, value in fixed(program).items()]
    return " ".join(["env", "-i", *words])


@contextmanager
def confined(program: Program, extra: Mapping[str, str] | None = None) -> Iterator[None]:
    """Reduce this process's own variables for a while, for a library that copies all of them."""
    own = dict(os.environ)
    _become(environment(program, extra))
    try:
        yield
    finally:
        _become(own)


def recorded() -> dict[str, dict[str, str]]:
    """The environment of each of `MEASURED` on this host, for the record of a run.

    The home folder, which names its owner, becomes ``~``, and credentials in an address ``***``.
    """
    home = os.environ.get("HOME", "").rstrip("/")
    return {
        program: {name: _masked(value, home) for name, value in environment(program).items()}
        for program in MEASURED
    }


def _masked(value: str, home: str) -> str:
    folders = [
        f"~{folder[len(home) :]}" if home and f"{folder}/".startswith(f"{home}/") else folder
        for folder in _CREDENTIALS.sub("***@", value).split(os.pathsep)
    ]
    return os.pathsep.join(folders)


def _become(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)

"""Ansible module: a generated password for a database role that no command line and no log sees.

The password exists in one place, a libpq password file of mode 0600. The server is told its SCRAM
verifier (RFC 5803), from which the password cannot be had.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postgresql_scram
short_description: A generated password for a database role
description:
  - Generates a password into a libpq password file unless one is there, and sees that the server
    holds a verifier of it.
options:
  passfile:
    description: The password file; its one line holds for every host, port and database.
    type: path
    required: true
  owner:
    description: The account that may read it.
    type: str
    default: root
  role:
    description: The database role.
    type: str
    required: true
  psql:
    description: The command that runs statements from its standard input as a superuser.
    type: list
    elements: str
    required: true
  state:
    description: With absent the role has no password, and the file goes.
    type: str
    choices: [present, absent]
    default: present
author: the founders of ormlab
"""

# PostgreSQL's own choices.
_ITERATIONS = 4096
_SALT_OCTETS = 16
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")
# Not even the verifier belongs in the server's log.
_QUIETLY = "SET log_statement = 'none'; SET log_min_error_statement = 'panic';\n"


def verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> str:
    """What PostgreSQL keeps in ``pg_authid.rolpassword`` (RFC 5802, 3; RFC 5803)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    keys = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{keys[0]}${keys[1]}:{keys[2]}"


def opens(password: str, kept: str) -> bool:
    """Whether a verifier that the server keeps is one of this password."""
    parts = _VERIFIER.fullmatch(kept)
    if parts is None:
        return False
    salt = base64.b64decode(parts[2])
    return hmac.compare_digest(verifier(password, salt, int(parts[1])), kept)


def main() -> None:
    """Run as a module of Ansible."""
    module = AnsibleModule(
        argument_spec={
            "passfile": {"type": "path", "required": True, "no_log": False},
            "owner": {"default": "root"},
            "role": {"required": True},
            "psql": {"type": "list", "elements": "str", "required": True},
            "state": {"choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    passfile = Path(module.params["passfile"])
    kept = _ask(module, "SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = {}")
    if module.params["state"] == "absent":
        changed = kept != "" or passfile.exists()
        if changed and not module.check_mode:
            _ask(module, _QUIETLY + "ALTER ROLE {:I} PASSWORD NULL")
            passfile.unlink(missing_ok=True)
        module.exit_json(changed=changed)
    password = _read(passfile)
    changed = password is None or not opens(password, kept)
    if changed and not module.check_mode:
        if password is None:
            password = secrets.token_urlsafe(32)
            _write(passfile, module.params["role"], password)
        made = verifier(password, secrets.token_bytes(_SALT_OCTETS))
        _ask(module, f"{_QUIETLY}ALTER ROLE {{:I}} PASSWORD '{made}'")
    if not module.check_mode or passfile.exists():
        changed = module.set_owner_if_different(passfile, module.params["owner"], changed)
        changed = module.set_mode_if_different(passfile, "0600", changed)
    module.exit_json(changed=changed)


def _ask(module: AnsibleModule, statement: str) -> str:
    """Run a statement in which {} is the role as a literal and {:I} as an identifier."""
    role = module.params["role"]
    literal = "'" + role.replace("'", "''") + "'"
    identifier = '"' + role.replace('"', '""') + '"'
    text = statement.replace("{:I}", identifier).replace("{}", literal)
    code, out, err = module.run_command(module.params["psql"], data=text + ";\n", check_rc=False)
    if code != 0:
        # The statement is not shown: it may hold the verifier.
        module.fail_json(msg=f"psql ended with {code}: {err.strip()}")
    return str(out).strip().splitlines()[-1] if out.strip() else ""


def _read(passfile: Path) -> str | None:
    if not passfile.exists():
        return None
    return passfile.read_text().strip().rsplit(":", 1)[-1]


def _write(passfile: Path, role: str, password: str) -> None:
    """Write the file so that it is never there with another mode or half."""
    new = passfile.with_name(passfile.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"*:*:*:{role}:{password}\n")
        file.flush()
        os.fsync(file.fileno())
    new.rename(passfile)


if __name__ == "__main__":
    main()

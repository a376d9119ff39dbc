"""What roles say of themselves: defaults, specifications, README and variables are one truth."""

from __future__ import annotations

import re

import pytest
import yaml

from agent.databases.postgresql.cluster import settings
from docs.roles import ROLES, flat, specifications
from host import durable
from tests.conftest import CHECKOUT

# Entry points of a role that tunes; those that install have an uninstall.
POINTS = {"main", "verify", "untune"}
SPECS = {
    name: spec
    for name, spec in specifications().items()
    if "untune" in spec and "uninstall" not in spec
}
# Facts that one role exports to others.
EXPORTED = {"lab_verify_outcomes", "lab_verify_verdict", "cpu_pinning_plan"}
WHOLE_LAB = {"lab_profile", "lab_sysroot", "lab_consent"}
FILES = sorted(path for name in SPECS for path in (ROLES / name).rglob("*.yml"))


def defaults(name) -> dict:
    path = ROLES / name / "defaults/main.yml"
    return (yaml.safe_load(path.read_bytes()) or {}) if path.exists() else {}


@pytest.mark.parametrize("name", SPECS)
def test_a_role_has_its_entry_points_and_every_one_has_its_tasks(name):
    assert SPECS[name].keys() >= POINTS
    for point in SPECS[name]:
        assert (ROLES / name / f"tasks/{point}.yml").exists(), point


@pytest.mark.parametrize("name", SPECS)
def test_every_entry_point_takes_the_same_variables(name):
    for point, spec in SPECS[name].items():
        assert spec.options == SPECS[name]["main"].options, point


@pytest.mark.parametrize("name", SPECS)
def test_a_role_has_one_typed_dict_so_that_a_mistyped_key_is_refused(name):
    options = SPECS[name]["main"].options
    assert options.keys() - WHOLE_LAB <= {name}
    for option in (options[key] for key in options.keys() - WHOLE_LAB):
        assert option.type == "dict"
        assert option.options


@pytest.mark.parametrize("name", SPECS)
def test_the_defaults_are_those_of_the_specification(name):
    given = defaults(name)
    for path, spec in flat(SPECS[name]["main"].options):
        key = path.rpartition(".")[2]
        if "." in path:
            assert given[f"__{name}_defaults"][key] == spec.value(), path
        else:
            assert given[key] == spec.value({}), path
    own = SPECS[name]["main"].options.get(name)
    keys = own.options.keys() if own else set()
    assert given.get(f"__{name}_defaults", {}).keys() == keys


@pytest.mark.parametrize("name", SPECS)
def test_every_default_has_its_reason_beside_it(name):
    path = ROLES / name / "defaults/main.yml"
    if not path.exists():
        return
    lines = path.read_text().splitlines()
    for key in defaults(name).get(f"__{name}_defaults", {}):
        at = next(i for i, line in enumerate(lines) if re.match(rf"\s+{key}:", line))
        # Neighbours may share one.
        above = [line.strip() for line in lines[max(0, at - 2) : at]]
        assert any(line.startswith("#") for line in above), key


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROLES)))
def test_every_name_of_a_role_has_its_prefix(path):
    role = path.relative_to(ROLES).parts[0]
    text = path.read_text()
    names = re.findall(r"register: (\w+)", text)
    for block in re.findall(r"(?:set_fact|vars):\n((?: +.*\n)+)", text):
        margin = len(block) - len(block.lstrip())
        names += re.findall(rf"^ {{{margin}}}(\w+):", block, re.MULTILINE)
    own = (f"__{role}_", f"{role}_", "ansible_")
    assert [name for name in names if not name.startswith(own) and name not in EXPORTED] == []


def test_nothing_is_ignored_and_every_tolerated_failure_is_named():
    for path in (*CHECKOUT.glob("roles/**/*.yml"), *CHECKOUT.glob("playbooks/*.yml")):
        assert "ignore_errors" not in path.read_text(), path
        assert not re.search(r"failed_when:\s*false", path.read_text()), path


def test_every_play_is_of_the_bench_and_begins_with_the_guard():
    for path in CHECKOUT.glob("playbooks/*.yml"):
        if path.stem in {"loadgen", "offline-bundle"}:
            continue  # the first is make demo's, on this machine alone
        for play in yaml.safe_load(path.read_bytes()):
            if "import_playbook" in str(play):
                continue
            assert play["hosts"] == "bench", path
            first = (play.get("roles") or play["tasks"])[0]
            assert first["tags"] == "always", path
            assert "lab_guard" in str(first), path


@pytest.mark.parametrize("name", ["local", "ryzen9", "ryzen9-three"])
def test_an_inventory_gives_every_purpose_a_host_of_the_bench(name):
    listed = yaml.safe_load((CHECKOUT / f"inventory/{name}.yml").read_bytes())
    assert listed.keys() == {"bench"}
    assert listed["bench"]["children"].keys() == {"app", "db", "load"}


def test_every_variable_of_an_inventory_is_one_that_a_role_knows():
    text = (CHECKOUT / "inventory/group_vars/bench.yml").read_text()
    assert yaml.safe_load(text) is None, "every variable is commented"
    for name, specs in SPECS.items():
        for option in specs["main"].options:
            assert f"# {option}:" in text, f"{name}: run `make docs`"


def test_the_placeholder_of_known_hosts_lets_no_host_in():
    lines = (CHECKOUT / "inventory/known_hosts").read_text().splitlines()
    assert all(line.startswith("#") for line in lines)
    for name in ("ryzen9", "ryzen9-three"):
        text = (CHECKOUT / f"inventory/{name}.yml").read_text()
        assert "StrictHostKeyChecking=yes" in text


def test_a_cluster_of_a_run_has_the_settings_of_durable_but_for_huge_pages():
    memory = 64_100  # MiB that the kernel leaves of 64 GiB
    role = durable.settings(durable.shared_mib(memory), "try")
    assert (role["shared_buffers"], role["max_wal_size"]) == ("16384MB", "32768MB")
    assert {role[name] for name in ("fsync", "full_page_writes", "synchronous_commit")} == {"on"}
    assert settings(memory << 20) == role | {"huge_pages": "off"}


@pytest.mark.parametrize(("memory", "shared"), [(1_000, 250), (8_000, 2048), (2**20, 16_384)])
def test_shared_buffers_are_a_quarter_of_the_memory(memory, shared):
    assert durable.shared_mib(memory) == shared


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ("spectre_v2=off", True),
        ("spec_store_bypass_disable=off", True),
        ("l1tf=off", True),
        ("mds=full,off", True),
        ("tsa=off", True),
        ("pti=off", True),
        ("nospectre_v1", True),
        ("quiet mitigations=off", True),
        ("nohz_full=2-3", True),
        ("mitigations=auto,nosmt", False),
        ("nosmt", False),
        ("processor.max_cstate=1", False),
        ("amd_pstate=passive", False),
        ("nowatchdog", False),
    ],
)
def test_boot_parameters_that_no_production_host_has_are_refused(parameters, refused):
    pattern = defaults("host_boot")["__host_boot_refused"].strip()
    assert bool(re.search(pattern, parameters)) is refused

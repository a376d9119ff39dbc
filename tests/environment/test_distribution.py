"""What to type for a CPython, by the os-release of each distribution."""

from __future__ import annotations

import pytest

from host.distribution import how_to_get_python, how_to_get_venv

PACKAGES = "sudo apt install python3.13 python3.13-venv"
RELEASES = {
    "debian-13": ('ID=debian\nVERSION_ID="13"', PACKAGES),
    "debian-12": ('ID=debian\nVERSION_ID="12"', "sudo apt install build-essential"),
    "debian-sid": ("ID=debian", "sudo apt install build-essential"),
    "ubuntu-22": ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"', "sudo add-apt-repository"),
    "ubuntu-24": ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"', "sudo add-apt-repository"),
    "ubuntu-25": ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="25.10"', PACKAGES),
    "mint": ('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"', "sudo apt install build"),
    "fedora": ("ID=fedora\nVERSION_ID=42", "sudo dnf install python3.13"),
    "rocky": (
        'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"',
        "sudo dnf install bzip2",
    ),
    "arch": ("ID=arch", "sudo pacman -S"),
    "unknown": ("ID=plan9", "git clone"),
    "torn": ('ID="', "git clone"),
}


def release(tmp_path, text):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(text)
    return tmp_path


@pytest.mark.parametrize(("text", "begins"), RELEASES.values(), ids=RELEASES)
def test_the_command_is_of_the_distribution(tmp_path, text, begins):
    command = how_to_get_python("3.13", release(tmp_path, text))
    assert command.startswith(begins)
    assert "3.13" in command
    assert "{" not in command


@pytest.mark.parametrize("text", [text for text, _ in RELEASES.values()], ids=list(RELEASES))
def test_an_exact_patch_release_is_built(tmp_path, text):
    """Packages have whichever patch release is the newest."""
    command = how_to_get_python("3.13.0", release(tmp_path, text))
    assert command.endswith("pyenv install 3.13.0")


def test_without_an_os_release_the_command_is_the_one_that_every_system_has(tmp_path):
    assert how_to_get_python("3.13", tmp_path).startswith("git clone")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("ID=debian", "sudo apt install python3.11-venv"),
        ('ID=pop\nID_LIKE="ubuntu"', "sudo apt install python3.11-venv"),
        ("ID=fedora", None),
    ],
)
def test_only_debian_and_what_derives_from_it_split_venv_off(tmp_path, text, command):
    assert how_to_get_venv("3.11", release(tmp_path, text)) == command

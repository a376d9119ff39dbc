"""What is refused of a provisioned cluster; that a run serves one is shown on the test hosts."""

from __future__ import annotations

import os

import pytest

from agent.databases.postgresql.provisioned import ProvisionedCluster
from agent.failure import Failure


@pytest.fixture
def configuration(tmp_path):
    """A cluster's configuration and data apart, as Debian lays them out."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (tmp_path / "postgresql.conf").write_text(f"data_directory = '{data}'\n")
    return tmp_path


def provisioned(configuration, postgres_binaries):
    return ProvisionedCluster(
        configuration / "state", postgres_binaries, 1, configuration=configuration
    )


def test_its_data_is_where_its_configuration_says(configuration, postgres_binaries):
    cluster = provisioned(configuration, postgres_binaries)
    assert cluster.data == configuration / "data"
    options = cluster.options({"port": "1"})
    assert options[:2] == ["-D", str(configuration / "data")]
    assert options[2:] == ["-c", f"config_file={configuration}/postgresql.conf", "-c", "port=1"]
    assert cluster.profile(2**40) == {}


def test_one_that_is_not_there_is_named_with_what_makes_it(tmp_path, postgres_binaries):
    with pytest.raises(Failure) as refused:
        provisioned(tmp_path, postgres_binaries).lock()
    assert refused.value.code == "database-missing"
    assert str(tmp_path) in refused.value.record().where
    assert "ormlab provision" in refused.value.record().hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
def test_one_of_another_account_is_refused(configuration, postgres_binaries):
    os.chown(configuration / "data", 12345, 12345)
    with pytest.raises(Failure, match="belongs to user 12345, and this agent is root") as refused:
        provisioned(configuration, postgres_binaries).lock()
    assert refused.value.code == "database-of-another"
    assert not (configuration / "state").exists()

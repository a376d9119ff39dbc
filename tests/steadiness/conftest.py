"""The real client and a real service, as the tests of the load have them."""

from tests.load.conftest import make_table, run_client, start_client, start_service

__all__ = ["make_table", "run_client", "start_client", "start_service"]

"""The asyncpg service with other work: ``python odd_service.py WHAT SETTINGS.json``."""

import sys

from workloads.services import __main__ as program
from workloads.services import codec
from workloads.services.asyncpg import repository


def one_more_query():
    real = repository._Table.read

    async def read(self, row_id):
        await real(self, row_id)
        return await real(self, row_id)

    repository._Table.read = read


def sometimes_one_more():
    real, asked = repository._Table.read, []

    async def read(self, row_id):
        asked.append(row_id)
        if len(asked) % 3 == 0:
            await real(self, row_id)
        return await real(self, row_id)

    repository._Table.read = read


def another_byte():
    real = codec._stdlib()
    other = codec.Codec(
        lambda value: real.encode(value).replace(b"-000000", b"-000010"), real.decode
    )
    codec._stdlib = lambda: other


if __name__ == "__main__":
    _, what, settings = sys.argv
    globals()[what]()
    sys.exit(program.main([settings]))

"""PostgreSQL 16.

client      what the lab asks of it (`workloads.databases.interface`)
psql        SQL through its own client
template    the dataset as a template database; ``schema.sql``, ``constraints.sql``
binary      the rows in the format of COPY
held        rows that the contract asks for
own         the rows of an application
contents    what tables hold, whatever their schema
catalog     a database's schema
log, proxy  the statements and messages of the diagnostic pass
wire/       its protocol, read while it passes by

For services, which have no package but those of their stack:

libpq       where every driver finds the password
by_asyncpg  what services on asyncpg share
by_psycopg  what services on psycopg share
"""

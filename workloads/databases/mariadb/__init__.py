"""MariaDB 10.11 and 11.8.

client      what the lab asks of it (`workloads.databases.interface`)
shell       SQL through its own client
template    the dataset in a database of its own, and copies of it; ``schema.sql``,
            ``constraints.sql``
text        the rows as text, as LOAD DATA takes them and SELECT gives them
held        rows that the contract asks for
digests     the statements of the diagnostic pass

For services, which have no package but those of their stack:

options     the password in an option file
codes       what its error numbers mean to the contract
drivers     what services on asyncmy or aiomysql share
"""

"""The schema as an ORM's own migrations make it, held against schema.sql and constraints.sql.

__main__    makes both in throwaway databases, and prints the outcome
tool        the commands of a tool, as a service's manifest has them, run in an empty folder
catalog     a database's schema, as pg_catalog has it
difference  how two schemas differ, and which differences change no measurement
"""

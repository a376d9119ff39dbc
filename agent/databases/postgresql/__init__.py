"""PostgreSQL on its own host.

instance     the cluster that an order names
cluster      a cluster that a run makes in a folder of its own, starts and stops
provisioned  one that the role postgresql_bench makes
"""

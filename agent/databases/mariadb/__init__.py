"""MariaDB on its own host: a server that a run makes in a folder of its own, starts and stops."""

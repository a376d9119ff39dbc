"""Open loops in turns on services that are all alive: each turn is a window of the client."""

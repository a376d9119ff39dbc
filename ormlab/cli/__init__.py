"""The command line: parses, renders, and decides nothing."""

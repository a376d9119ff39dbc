"""Programs that decide what a ledger says of a library; each runs alone in a stack's environment.

A claim with ``through: script`` names one (docs/claims.md). Each imports the libraries of its stack
and nothing of the lab, needs no network and no server, writes what it found as its last line, and
ends with 0 if it could look. With the path of printed code as its first argument it runs that code.
"""

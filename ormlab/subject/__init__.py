"""Subjects of one's own: a service as a folder, made, locked and tried.

scaffold  a folder that already keeps the contract
locking   the lock of the stack that a folder brings, and of no other
trying    contract, SQL and ten seconds of load, in a run of their own
"""

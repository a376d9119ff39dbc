"""The database servers that an agent starts, each kind in a folder of its own.

interface   what the lab asks of a server in a folder, whichever database it is
known       the server that an order names

A folder is named as in `workloads.databases`, and has a module ``instance`` with a function
``made``.
"""

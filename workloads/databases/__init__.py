"""The databases that subjects can be measured on, each in a folder of its own.

interface   what the lab asks of a database, whichever it is
known       which databases there are, and the client of a server

A folder has a module ``client`` with a ``Client`` (`interface.DatabaseClient`). What its server
needs on its own host is in ``agent.databases``, in a folder of the same name. Services use other
modules of the folder: they import nothing that a stack may lack.
"""

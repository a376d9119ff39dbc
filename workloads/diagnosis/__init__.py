"""The diagnostic pass: what one request costs the database, and how the service answers it.

proxy        counts the messages between a service and the server
log          the server's JSON log, as the source of the statements
fingerprint  statements without their literals and generated names
examination  the pass: the same requests to every subject, outside all measured windows
"""

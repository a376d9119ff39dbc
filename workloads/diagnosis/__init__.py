"""The diagnostic pass: what one request costs the database, and how the service answers it.

fingerprint  statements without their literals and generated names
examination  the pass: the same requests to every subject, outside all measured windows
"""

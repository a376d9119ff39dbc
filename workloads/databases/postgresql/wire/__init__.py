"""PostgreSQL's protocol, read while it passes by; with the standard library alone.

frames  a stream of bytes, cut into messages
relay   passes connections on to a server, and shows their messages to an observer

This is the only place that reads the protocol. The lab imports it, and the wheel of pytest-ormlab
carries it as ``pytest_ormlab.wire``: modules of this package import each other relatively.
"""

"""Readings of a host, and what they come to."""

"""Tests of the archive; a package so that they share `making`."""

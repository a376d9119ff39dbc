"""Tests of the bundle; a package so that they share `making`."""

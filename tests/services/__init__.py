"""Tests of workloads.services."""

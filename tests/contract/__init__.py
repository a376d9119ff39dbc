"""Tests of workloads.contract."""

"""Tests of workloads.dataset."""

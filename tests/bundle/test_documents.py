"""What the types of documents say of a host is what is read there, no more and no less."""

from __future__ import annotations

from bundle.documents.host import Facts
from bundle.documents.readings import KernelCounts
from host.items import COUNTERS, FACTS


def test_every_counter_of_the_kernel_has_a_key():
    assert set(KernelCounts.__struct_fields__) == set(COUNTERS)


def test_every_fact_of_a_host_has_a_key():
    assert set(Facts.__struct_fields__) == set(FACTS)

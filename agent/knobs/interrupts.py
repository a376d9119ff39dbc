"""Knobs for the CPUs of the kernel's own work."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from ..cpus import as_list, as_mask, cpu_list, mask_cpus
from .knob import Knob, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kernel import Kernel

_WORKQUEUES = "sys/devices/virtual/workqueue"


class _MaskKnob(Knob):
    """Files in the mask format, in which the same CPUs may have more or fewer zeros."""

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        return mask_cpus(one) == mask_cpus(other)


class DefaultIrqAffinity(_MaskKnob):
    """CPUs of interrupts that a driver requests later; set before the existing ones."""

    name = "default_irq_cpus"
    meaning = "CPUs of future interrupts"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """Documentation/core-api/irq/irq-affinity.rst."""
        return {"proc/irq/default_smp_affinity": as_mask(cpu_list(word(wanted)))}


class IrqAffinity(Knob):
    """CPUs of each interrupt. Some cannot be moved: EIO, from Linux 6.12 on EPERM."""

    name = "irq_cpus"
    meaning = "CPUs of every interrupt"
    tolerated = frozenset({errno.EIO, errno.EPERM})
    vanishing = True
    kept = False  # the numbers change at each boot, so the role sets every interrupt then

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """Documentation/core-api/irq/irq-affinity.rst."""
        cpus = as_list(cpu_list(word(wanted)))
        return dict.fromkeys(kernel.find("proc/irq/[0-9]*/smp_affinity_list"), cpus)

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """The order and the notation of a list do not matter."""
        return set(cpu_list(one)) == set(cpu_list(other))


class WorkqueueCpus(_MaskKnob):
    """CPUs of deferred kernel work that is bound to no CPU."""

    name = "workqueue_cpus"
    meaning = "CPUs of unbound workqueues"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """Documentation/core-api/workqueue.rst: the global limit, then queues with their own."""
        mask = as_mask(cpu_list(word(wanted)))
        own = kernel.find(f"{_WORKQUEUES}/*/cpumask")
        return dict.fromkeys([f"{_WORKQUEUES}/cpumask", *own], mask)

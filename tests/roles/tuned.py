"""A played host that knobs are tried on, and what is wanted of each knob."""

from __future__ import annotations

from host.items import KNOBS
from host.kernel import kernel_at
from host.settling import Store, chosen, restore, tune, verify
from tests.roles.played_host import differences, snapshot

HOUSEKEEPING = "0-1"
# Places of interrupts that the played kernel can tell apart.
ACPI, DRIVE = "irq/IO-APIC/9", "irq/PCI-MSIX-0000:01:00.0/3"
# One value for each knob that the untouched host does not have.
WANTED = {
    "smt": False,
    "governor": "performance",
    "energy_preference": "performance",
    "boost": False,
    "idle_latency_us": 20,
    "sysctl": {"vm.swappiness": 1, "net.ipv4.ip_local_port_range": "32768 60999"},
    "huge_pages": 8388,
    "thp": "madvise",
    "thp_defrag": "madvise",
    "dirty_bytes": {"dirty": 1 << 30, "dirty_background": 1 << 28},
    "io_scheduler": "none",
    "nvme_latency_us": 0,
    "irqbalance": False,
    "default_irq_cpus": HOUSEKEEPING,
    "irq_cpus": HOUSEKEEPING,
    "workqueue_cpus": HOUSEKEEPING,
    "watchdog_cpus": HOUSEKEEPING,
    "units": ["apt-daily.timer", "fstrim.timer", "swap.target", "no-such.timer"],
    "swap": False,
    "slices": {"system.slice": HOUSEKEEPING, "init.scope": HOUSEKEEPING},
}


class Host:
    """A played host with the lab's memory of it."""

    def __init__(self, root):
        self.root = root
        self.kernel = kernel_at(root)
        self.store = Store(root / "var/lib/ormlab")

    def tune(self, wanted, *, check=False):
        return tune(self.kernel, chosen(wanted), self.store, check=check)

    def restore(self, *names):
        return restore(self.kernel, [KNOBS[name] for name in names], self.store, check=False)

    def verify(self, wanted):
        return verify(self.kernel, chosen(wanted), self.store)


def verdicts(outcomes) -> set[str]:
    return {outcome.verdict for outcome in outcomes}


def left(untouched, host) -> dict:
    """What differs from the untouched host, but for the lab's own memory."""
    found = differences(untouched, snapshot(host.root))
    return {path: pair for path, pair in found.items() if not path.startswith("var")}


def the(outcomes, place):
    (found,) = (outcome for outcome in outcomes if outcome.place == place)
    return found

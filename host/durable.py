"""The profile ``durable`` of PostgreSQL: its only definition, for provisioned clusters and others.

A production database that loses nothing in a crash, without the background work that would fall
into some windows and not into others.
"""

from __future__ import annotations

_GIB = 1024  # in MiB
_LARGEST = 16 * _GIB
_LEAST_LOG = 8 * _GIB


def shared_mib(memory_mib: int) -> int:
    """MiB of shared buffers on a host: a quarter of its memory, at most 16 GiB.

    From 1 GiB on it is rounded to whole GiB, because the kernel reserves some of the memory: of
    64 GiB, a quarter of the rest is a little less than 16 GiB.
    """
    quarter = memory_mib // 4
    return quarter if quarter < _GIB else min(round(quarter / _GIB) * _GIB, _LARGEST)


def log_mib(shared: int) -> int:
    """MiB that the write-ahead log may grow to, with so many MiB of shared buffers."""
    return max(2 * shared, _LEAST_LOG)


def settings(shared: int, huge_pages: str) -> dict[str, str]:
    """The settings of a server with so many MiB of shared buffers.

    fsync, full_page_writes and synchronous_commit have their safe defaults; they are named so that
    the record shows them.

    Args:
        shared: MiB of shared buffers.
        huge_pages: on, try or off. A role can reserve them, a run cannot.
    """
    return {
        # TLS would be measured too; the network between the hosts is private.
        "ssl": "off",
        "max_connections": "200",
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{3 * shared}MB",
        "huge_pages": huge_pages,
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        # Checkpoints are rare, because the gate `checkpoint` rejects a window with one. A trial
        # that restores the database makes a checkpoint before its window; others make none.
        "checkpoint_timeout": "1h",
        "max_wal_size": f"{log_mib(shared)}MB",
        "autovacuum": "off",
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # Evidence: the log shows what disturbed a window.
        "log_checkpoints": "on",
        "log_lock_waits": "on",
        "log_autovacuum_min_duration": "0",
        "log_line_prefix": "%m [%p] %d ",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }

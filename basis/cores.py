"""How many CPU cores this process may use."""

from __future__ import annotations


def cores() -> int:
    """Cores by affinity and by the quota of a container (cgroup v1, v2), at least 1.

    joblib's own count: it asks what each system knows, so that nothing here is of Linux alone.
    """
    from joblib import cpu_count

    return int(cpu_count())

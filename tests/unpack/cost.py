# SPDX-License-Identifier: Apache-2.0
"""What programs have cost, whatever else ran meanwhile."""
import resource


def cpu_seconds():
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

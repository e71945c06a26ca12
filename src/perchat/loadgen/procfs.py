"""What the server costs its machine, read from /proc: CPU time and resident memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from perchat.errors import ConfigurationError

__all__ = ["Reading", "read"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One look at a process.

    Attributes:
        cpu: Seconds of CPU it has used since it began, in the kernel too.
        memory: Bytes of it that are in memory.

    """

    cpu: float
    memory: int


def read(pid: int) -> Reading:
    """
    Look at a process.

    Raises:
        ConfigurationError: There is no such process, or no /proc on this system.

    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
        pages = (_PROC / str(pid) / "statm").read_text().split()[1]
    except OSError as error:
        raise ConfigurationError(f"process {pid} cannot be looked at: {error.strerror}") from error
    fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks; see proc(5)
    return Reading((int(fields[11]) + int(fields[12])) / _TICKS, int(pages) * _PAGE)

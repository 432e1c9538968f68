"""What does the process say when it ends? The exit codes of every command, listed in README."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended; from 64 on as in sysexits(3)."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    VERIFICATION_FAILED = 4
    DEMOTED = 5
    UNAVAILABLE = 69
    LOCKED = 73
    STORAGE = 74
    CONFIGURATION = 78

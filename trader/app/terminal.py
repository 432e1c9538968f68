"""How does a command speak to the person who typed it? Results to stdout, complaints to stderr."""

from __future__ import annotations

import json
import sys


def say(text: object) -> None:
    """Write a result."""
    sys.stdout.write(f"{text}\n")


def say_json(value: object) -> None:
    """Write a result for a program to read."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def complain(text: object) -> None:
    """Write what went wrong."""
    sys.stderr.write(f"{text}\n")

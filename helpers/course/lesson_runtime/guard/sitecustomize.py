"""Refuse every connection beyond this machine, in this process and in those it starts.

Python runs a module of this name at start-up when its folder stands on PYTHONPATH; the build and the tests put it there.
Libraries may swallow the exception, so each attempt is also written to the file that COURSE_CONNECTION_LOG names, and the
build fails when that file is not empty. An audit hook cannot be removed again, which is what a guard needs.
"""

import ipaddress
import os
import socket
import sys

OWN_NAMES = {"", "localhost", "localhost.localdomain", "0.0.0.0", "::", socket.gethostname()}
WATCHED = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}


class ConnectionBeyondThisMachine(OSError):
    """A lesson or a test tried to reach another machine."""


def is_own(host: object) -> bool:
    """Whether a host name or address is this machine's."""
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    if host is None or name in OWN_NAMES:
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def target(event: str, args: tuple[object, ...]) -> object:
    """The host that an audited socket call is about; None for a call that stays on this machine."""
    address = args[WATCHED[event]]
    if not event.startswith("socket.get"):
        if not isinstance(address, tuple):  # a Unix socket's path
            return None
        return address[0]
    return address


def refuse(event: str, args: tuple[object, ...]) -> None:
    """The audit hook."""
    if event not in WATCHED or is_own(host := target(event, args)):
        return
    message = f"{event} to {host!r}: lessons and tests open no connection beyond this machine"
    if log := os.environ.get("COURSE_CONNECTION_LOG"):
        with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123  (pathlib is not worth its import at every start-up)
            file.write(f"pid {os.getpid()}: {message}\n")
    raise ConnectionBeyondThisMachine(message)


sys.addaudithook(refuse)

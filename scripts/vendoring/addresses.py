"""Loopback hosts: plain http is allowed there, since nothing leaves this machine."""

import ipaddress


def is_this_machine(host: str) -> bool:
    """Return whether a URL's host is loopback: `localhost`, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Real servers of other projects, as context managers: files in a folder, a free port.

Each takes a folder of its own, waits until the server accepts connections, and
ends every process of it. A missing program skips the test, or fails it in CI.
"""

from .danted import danted
from .microsocks import microsocks
from .nginx import Origin, nginx
from .packages import find, require
from .process import Server, StartError, accepts, has_ipv6_loopback, running
from .proxy import RealProxy
from .ssh import ssh_dynamic

__all__ = [
    "Origin",
    "RealProxy",
    "Server",
    "StartError",
    "accepts",
    "danted",
    "find",
    "has_ipv6_loopback",
    "microsocks",
    "nginx",
    "require",
    "running",
    "ssh_dynamic",
]

"""Real servers of other projects, as context managers: files in a folder, a free port.

Each takes a folder of its own, waits until the server answers, and ends every
process of it. A missing program skips the test, or fails it in CI.
"""

from .danted import danted
from .dnsmasq import NameServer, dnsmasq
from .folders import publish
from .kerberos import Realm, realm
from .microsocks import microsocks
from .nginx import Origin, nginx
from .packages import find, require
from .probes import accepts
from .process import Server, StartError, has_ipv6_loopback, running
from .proxy import RealProxy
from .ssh import ssh_dynamic
from .stund import StunServer, stunserver
from .tftpd import TftpServer, tftpd
from .vsftpd import FtpServer, vsftpd

__all__ = [
    "FtpServer",
    "NameServer",
    "Origin",
    "RealProxy",
    "Realm",
    "Server",
    "StartError",
    "StunServer",
    "TftpServer",
    "accepts",
    "danted",
    "dnsmasq",
    "find",
    "has_ipv6_loopback",
    "microsocks",
    "nginx",
    "publish",
    "realm",
    "require",
    "running",
    "ssh_dynamic",
    "stunserver",
    "tftpd",
    "vsftpd",
]

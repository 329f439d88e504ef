"""Real servers of other projects, as context managers: files in a folder, a free port.

Each takes a folder of its own, waits until the server answers, and ends every
process of it. A missing program skips the test, or fails it in CI.
"""

from .aiosmtpd import MailTransport, aiosmtpd
from .chrony import TimeServer, chrony
from .danted import danted
from .database import Database
from .dnsmasq import NameServer, dnsmasq
from .dovecot import MailServer, dovecot
from .folders import publish
from .kerberos import Realm, realm
from .mariadb import mariadb
from .microsocks import microsocks
from .nginx import Origin, nginx
from .packages import find, require
from .postgresql import postgresql
from .probes import accepts
from .process import Server, StartError, has_ipv6_loopback, running
from .proxy import RealProxy
from .secantus import DocumentStore, secantus
from .ssh import ssh_dynamic
from .stund import StunServer, stunserver
from .tftpd import TftpServer, tftpd
from .tor import Tor, tor
from .unbound import Unbound, unbound
from .vsftpd import FtpServer, vsftpd

__all__ = [
    "Database",
    "DocumentStore",
    "FtpServer",
    "MailServer",
    "MailTransport",
    "NameServer",
    "Origin",
    "RealProxy",
    "Realm",
    "Server",
    "StartError",
    "StunServer",
    "TftpServer",
    "TimeServer",
    "Tor",
    "Unbound",
    "accepts",
    "aiosmtpd",
    "chrony",
    "danted",
    "dnsmasq",
    "dovecot",
    "find",
    "has_ipv6_loopback",
    "mariadb",
    "microsocks",
    "nginx",
    "postgresql",
    "publish",
    "realm",
    "require",
    "running",
    "secantus",
    "ssh_dynamic",
    "stunserver",
    "tftpd",
    "tor",
    "unbound",
    "vsftpd",
]

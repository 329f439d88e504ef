"""SOCKS5 for Python programs: sockets, an httpx transport and `socks5-curl`.

::

    import socks5client

    with socks5client.connect(("example.com", 80), proxy="socks5h://127.0.0.1:1080") as sock:
        sock.sendall(b"GET / HTTP/1.0\\r\\nHost: example.com\\r\\n\\r\\n")

The modules `socks5client.httpx`, `socks5client.httpcore` and `socks5client.cli` need the extra
of their name; nothing else needs more than the standard library.
"""

from . import _exit as _exit  # so that what it registers is there from the beginning
from ._socket import associate, bind, connect, create_connection, socket
from .bypass import Bypass
from .errors import (
    AddressTypeNotSupported,
    AuthenticationError,
    CommandNotSupported,
    ConnectionRefused,
    GeneralFailure,
    HandshakeTimeout,
    HostUnreachable,
    LeakError,
    NetworkUnreachable,
    NoAcceptableMethodError,
    NotAllowed,
    OnionServiceError,
    ProxyConnectionError,
    RemoteProtocolError,
    ReplyError,
    SocksError,
    TTLExpired,
)
from .protocol import Address, AuthMethod, NoAuth, UsernamePassword
from .proxy import Proxy
from .route import DIRECT, get_default_proxy, set_default_proxy
from .sync import Rendezvous

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._patch import Patch as Patch
    from ._patch import patch as patch
    from ._patch import unpatch as unpatch
    from ._socket.datagram import DatagramSocket as DatagramSocket
    from .protocol import GSSAPI as GSSAPI
else:
    # UDP, GSSAPI and the shim are imported at first use: most programs never need them.
    _LATER = {
        "DatagramSocket": "._socket.datagram",
        "GSSAPI": ".protocol.gssapi",
        "Patch": "._patch",
        "patch": "._patch",
        "unpatch": "._patch",
    }

    def __getattr__(name):
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_LATER[name], __name__), name)
        return value


__version__ = "0.1.0"

__all__ = [
    "DIRECT",
    "GSSAPI",
    "Address",
    "AddressTypeNotSupported",
    "AuthMethod",
    "AuthenticationError",
    "Bypass",
    "CommandNotSupported",
    "ConnectionRefused",
    "DatagramSocket",
    "GeneralFailure",
    "HandshakeTimeout",
    "HostUnreachable",
    "LeakError",
    "NetworkUnreachable",
    "NoAcceptableMethodError",
    "NoAuth",
    "NotAllowed",
    "OnionServiceError",
    "Patch",
    "Proxy",
    "ProxyConnectionError",
    "RemoteProtocolError",
    "Rendezvous",
    "ReplyError",
    "SocksError",
    "TTLExpired",
    "UsernamePassword",
    "associate",
    "bind",
    "connect",
    "create_connection",
    "get_default_proxy",
    "patch",
    "set_default_proxy",
    "socket",
    "unpatch",
]

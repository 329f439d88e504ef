"""curl's options that are not here, and why: for the message and for the manual.

The options are those of curl 7.88, `curl --help all`.
"""

from __future__ import annotations

from typing import NamedTuple


class Missing(NamedTuple):
    """`why`, "" for no particular reason; `never`: it has no meaning for a tool that reaches HTTP,
    FTP and TFTP through SOCKS5.
    """

    why: str
    never: bool
    short: str = ""

    def __str__(self) -> str:
        yet = "" if self.never else " yet"
        return f"is not supported{yet}{': ' if self.why else ''}{self.why}"


_SSH = "it is for scp and sftp, which this tool does not speak"
_MAIL = "it is for mail, which this tool does not speak"
_HTTP_PROXY = "it is for HTTP proxies; this tool speaks SOCKS5 only"
_SOCKS4 = "SOCKS4 has no authentication and no IPv6; this tool speaks SOCKS5 only"
_SCHANNEL = "it is for Windows' TLS; here TLS is OpenSSL's"
_OLD_TLS = "this SSL version is broken, and OpenSSL has it no more"
_BEAST = "it weakens TLS 1.0"
_NOTHING = "curl itself ignores it"
_DNS = "names are looked up by the proxy; see --dns and --nameserver"
_DIRECT = "it is for connections that are made without a proxy"
_PEM = "certificates and keys are PEM"
_SRP = "Python's ssl has no SRP"
_NTLM = "NTLM authenticates connections, by broken hashes"

_NEVER = {
    "abstract-unix-socket": _DIRECT,
    "unix-socket": f"{_DIRECT}; a proxy's unix socket is written --proxy socks5h+unix:///PATH",
    "tcp-fastopen": "what would be sent early is the SOCKS handshake, which waits for answers",
    "happy-eyeballs-timeout-ms": "the proxy connects; it chooses between IPv4 and IPv6",
    "haproxy-protocol": "the server's peer is the proxy, not this machine",
    "http3": "HTTP/3 needs QUIC; few SOCKS5 proxies relay UDP well enough for it",
    "http3-only": "HTTP/3 needs QUIC; few SOCKS5 proxies relay UDP well enough for it",
    "alt-svc": "it leads to other hosts and to HTTP/3",
    "dns-interface": _DNS,
    "dns-ipv4-addr": _DNS,
    "dns-ipv6-addr": _DNS,
    "dns-servers": "use --dns tunnel with --nameserver ADDRESS",
    "doh-url": "use --dns tunnel with --nameserver https://...",
    "doh-cert-status": _DNS,
    "doh-insecure": _DNS,
    "compressed-ssh": _SSH,
    "hostpubmd5": _SSH,
    "hostpubsha256": _SSH,
    "pubkey": _SSH,
    "create-file-mode": _SSH,
    "login-options": _MAIL,
    "mail-auth": _MAIL,
    "mail-from": _MAIL,
    "mail-rcpt": _MAIL,
    "mail-rcpt-allowfails": _MAIL,
    "sasl-authzid": _MAIL,
    "sasl-ir": _MAIL,
    "telnet-option": "it is for telnet, which this tool does not speak; see tcp://",
    "proxy1.0": _HTTP_PROXY,
    "proxytunnel": _HTTP_PROXY,
    "proxy-anyauth": _HTTP_PROXY,
    "proxy-basic": _HTTP_PROXY,
    "proxy-digest": _HTTP_PROXY,
    "proxy-header": _HTTP_PROXY,
    "proxy-negotiate": f"{_HTTP_PROXY}; see --socks5-gssapi",
    "proxy-ntlm": _HTTP_PROXY,
    "suppress-connect-headers": _HTTP_PROXY,
    "socks4": _SOCKS4,
    "socks4a": _SOCKS4,
    "sslv2": _OLD_TLS,
    "sslv3": _OLD_TLS,
    "ssl-allow-beast": _BEAST,
    "proxy-ssl-allow-beast": _BEAST,
    "ssl-auto-client-cert": _SCHANNEL,
    "ssl-no-revoke": _SCHANNEL,
    "ssl-revoke-best-effort": _SCHANNEL,
    "proxy-ssl-auto-client-cert": _SCHANNEL,
    "false-start": "OpenSSL has no false start",
    "engine": "Python's ssl has no engines",
    "egd-file": _NOTHING,
    "random-file": _NOTHING,
    "metalink": _NOTHING,
    "no-npn": _NOTHING,
    "krb": "curl has dropped it for FTP in most builds, and few servers have it",
    "libcurl": "there is no libcurl here",
    "tlsauthtype": _SRP,
    "tlspassword": _SRP,
    "tlsuser": _SRP,
    "proxy-tlsauthtype": _SRP,
    "proxy-tlspassword": _SRP,
    "proxy-tlsuser": _SRP,
    "ntlm": _NTLM,
    "ntlm-wb": _NTLM,
    "parallel-immediate": "each parallel transfer has connections of its own anyway",
}

_LATER = {
    "aws-sigv4": "",
    "cert-status": "Python's ssl has no OCSP stapling",
    "cert-type": _PEM,
    "key-type": _PEM,
    "proxy-cert-type": _PEM,
    "proxy-key-type": _PEM,
    "curves": "",
    "tls13-ciphers": "Python's ssl cannot choose them before 3.15",
    "proxy-tls13-ciphers": "Python's ssl cannot choose them before 3.15",
    "proxy-tlsv1": "",
    "proxy-crlfile": "",
    "no-sessionid": "",
    "pinnedpubkey": "",
    "proxy-pinnedpubkey": "",
    "delegation": "",
    "negotiate": "",
    "service-name": "it is for --negotiate; see --socks5-gssapi-service",
    "expect100-timeout": "uploads do not wait for 100 Continue",
    "ftp-pret": "",
    "ftp-ssl-ccc": "",
    "ftp-ssl-ccc-mode": "",
    "hsts": "",
    "http0.9": "",
    "rate": "",
    "styled-output": "",
    "tr-encoding": "",
    "xattr": "",
}

_SHORT = {"proxytunnel": "p", "sslv2": "2", "sslv3": "3", "telnet-option": "t"}

UNSUPPORTED: dict[str, Missing] = {
    **{name: Missing(why, True, _SHORT.get(name, "")) for name, why in _NEVER.items()},
    **{name: Missing(why, False) for name, why in _LATER.items()},
}

"""Which proxy, and how it is spoken to."""

from __future__ import annotations

from .kinds import append, choice, switch, text
from .model import Option

ROWS = (
    Option(
        "proxy",
        "x",
        "URL",
        "SOCKS5 proxy",
        text("proxy"),
        usual=True,
        note="`host:port` means `socks5h://`. Schemes: `socks5h`, `socks5`, each also with `+tls`, "
        "`+unix` and `+gssapi`. Proxies that speak HTTP or SOCKS4 are an error.",
    ),
    Option(
        "proxy-user",
        "U",
        "USER:PASSWORD",
        "Credentials for the proxy",
        text("proxy_user"),
        usual=True,
    ),
    Option(
        "preproxy",
        "",
        "URL",
        "SOCKS5 proxy to go through first",
        text("preproxy"),
        note="The two make a chain: the second proxy is reached through the first.",
    ),
    Option(
        "socks5",
        "",
        "HOST[:PORT]",
        "SOCKS5 proxy; names are resolved here",
        text("proxy", "socks5://"),
    ),
    Option(
        "socks5-hostname",
        "",
        "HOST[:PORT]",
        "SOCKS5 proxy; it resolves names",
        text("proxy", "socks5h://"),
        usual=True,
    ),
    Option(
        "socks5-basic", "", "", "Username and password only, not GSSAPI", switch("socks5_basic")
    ),
    Option(
        "socks5-gssapi",
        "",
        "",
        "Authenticate by GSSAPI (Kerberos)",
        switch("gssapi"),
        note="What follows is protected as --socks5-gssapi-protection says; curl does it in clear.",
    ),
    Option(
        "socks5-gssapi-service",
        "",
        "NAME",
        "Service of the proxy for GSSAPI (rcmd)",
        text("gssapi_service"),
    ),
    Option(
        "proxy-service-name",
        "",
        "NAME",
        "The same as --socks5-gssapi-service",
        text("gssapi_service"),
    ),
    Option(
        "socks5-gssapi-nec", "", "", "The protection level goes unprotected", switch("gssapi_nec")
    ),
    Option(
        "socks5-gssapi-protection",
        "",
        "LEVEL",
        "confidentiality, integrity, selective, clear",
        choice("gssapi_protection", "confidentiality", "integrity", "selective", "clear"),
        ours=True,
        note="What the proxy has to agree to. The default is confidentiality.",
    ),
    Option(
        "noproxy",
        "",
        "LIST",
        "Hosts to reach directly",
        text("noproxy"),
        note="In place of `NO_PROXY`, by the same rules; nothing else is ever reached directly.",
    ),
    Option("proxy-cacert", "", "FILE", "Trust these for a proxy with TLS", text("proxy_cacert")),
    Option("proxy-capath", "", "DIR", "The same, from a folder", text("proxy_capath")),
    Option(
        "proxy-cert",
        "",
        "FILE[:PASSWORD]",
        "Client certificate for a proxy with TLS",
        text("proxy_cert"),
    ),
    Option("proxy-key", "", "FILE", "Its private key", text("proxy_key")),
    Option("proxy-pass", "", "PHRASE", "Pass phrase of that key", text("proxy_pass")),
    Option("proxy-ciphers", "", "LIST", "Ciphers for a proxy with TLS", text("proxy_ciphers")),
    Option(
        "proxy-insecure",
        "",
        "",
        "Any certificate will do for a proxy with TLS",
        switch("proxy_insecure"),
    ),
    Option(
        "dns",
        "",
        "MODE",
        "Who looks names up: remote, local, tunnel",
        choice("dns", "remote", "local", "tunnel"),
        ours=True,
        note="remote: the proxy (socks5h). local: the system's resolver, here (socks5). tunnel: "
        "name servers, asked through the proxy.",
    ),
    Option(
        "nameserver",
        "",
        "SERVER",
        "Name server for --dns tunnel",
        append("nameservers"),
        ours=True,
        note="An address, with a port or without, `tls://ADDRESS#NAME`, an `https://` URL or "
        "`tor`; may be repeated. The default: the system's.",
    ),
)

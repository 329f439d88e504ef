"""Whom to trust, and with what cipher."""

from __future__ import annotations

from .kinds import choice, constant, off, switch, text
from .model import Option

ROWS = (
    Option("insecure", "k", "", "Any certificate will do", switch("insecure"), usual=True),
    Option("cacert", "", "FILE", "Trust these", text("cacert")),
    Option("capath", "", "DIR", "Trust those of this folder", text("capath")),
    Option("crlfile", "", "FILE", "Certificates that have been revoked", text("crlfile")),
    Option("cert", "E", "FILE[:PASSWORD]", "Client certificate (PEM)", text("cert")),
    Option("key", "", "FILE", "Its private key", text("key")),
    Option("pass", "", "PHRASE", "Pass phrase of the key", text("key_pass")),
    Option("ciphers", "", "LIST", "Ciphers, up to TLS 1.2", text("ciphers")),
    Option("tlsv1", "1", "", "TLS 1.0 or later", constant("tls_min", "1.0")),
    Option("tlsv1.0", "", "", "TLS 1.0 or later", constant("tls_min", "1.0")),
    Option("tlsv1.1", "", "", "TLS 1.1 or later", constant("tls_min", "1.1")),
    Option("tlsv1.2", "", "", "TLS 1.2 or later", constant("tls_min", "1.2")),
    Option("tlsv1.3", "", "", "TLS 1.3 or later", constant("tls_min", "1.3")),
    Option(
        "tls-max",
        "",
        "VERSION",
        "At most TLS 1.0, 1.1, 1.2 or 1.3",
        choice("tls_max", "default", "1.0", "1.1", "1.2", "1.3"),
    ),
    Option("no-alpn", "", "", "No ALPN, and so no HTTP/2", off("alpn")),
)

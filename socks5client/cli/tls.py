"""TLS as the options want it: whom to trust, who we are, which versions and ciphers."""

from __future__ import annotations

import os
import ssl
import warnings
from dataclasses import dataclass, field
from getpass import getpass
from typing import TYPE_CHECKING, Any

import httpx

from .exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from .options import Options

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True)
class Settings:
    """What the options say of TLS with one peer."""

    insecure: bool
    cacert: str | None
    capath: str | None
    crlfile: str | None = None
    cert: str | None = field(default=None, repr=False)
    key: str | None = None
    key_pass: str | None = field(default=None, repr=False)
    ciphers: str | None = None
    least: str | None = None
    most: str | None = None

    @classmethod
    def for_server(cls, options: Options) -> Settings:
        return cls(
            options.insecure,
            options.cacert,
            options.capath,
            options.crlfile,
            options.cert,
            options.key,
            options.key_pass,
            options.ciphers,
            options.tls_min,
            options.tls_max,
        )

    @classmethod
    def for_proxy(cls, options: Options) -> Settings:
        return cls(
            options.proxy_insecure,
            options.proxy_cacert,
            options.proxy_capath,
            cert=options.proxy_cert,
            key=options.proxy_key,
            key_pass=options.proxy_pass,
            ciphers=options.proxy_ciphers,
        )

    def context(self) -> ssl.SSLContext:
        """Raises TransferError for what cannot be read, or is unknown to OpenSSL."""
        context = self._trusting()
        if self.crlfile is not None:
            _load_revoked(context, self.crlfile)
        if self.cert is not None:
            self._load_own(context, self.cert)
        if self.ciphers is not None:
            try:
                context.set_ciphers(self.ciphers)
            except ssl.SSLError:
                raise TransferError(
                    Exit.BAD_CIPHER, f"OpenSSL knows no cipher in {self.ciphers!r}"
                ) from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0: as the user wishes
            if self.least is not None:
                context.minimum_version = _VERSIONS[self.least]
            if self.most in _VERSIONS:
                context.maximum_version = _VERSIONS[self.most]
        return context

    def _trusting(self) -> ssl.SSLContext:
        """SSL_CERT_FILE and SSL_CERT_DIR are read as httpx does."""
        if self.insecure:
            return httpx.create_ssl_context(verify=False)
        if self.cacert is not None or self.capath is not None:
            if self.capath is not None and not os.path.isdir(self.capath):
                raise _bad_ca(self.capath)
            try:
                return ssl.create_default_context(cafile=self.cacert, capath=self.capath)
            except OSError:  # ssl.SSLError is one
                raise _bad_ca(self.cacert or self.capath) from None
        try:
            return httpx.create_ssl_context()
        except OSError:
            raise _bad_ca(
                os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
            ) from None

    def _load_own(self, context: ssl.SSLContext, cert: str) -> None:
        file, phrase = split_certificate(cert)
        if self.key_pass is not None:
            phrase = self.key_pass

        def ask() -> str:
            if phrase is not None:
                return phrase
            return getpass("Enter PEM pass phrase:")

        try:
            context.load_cert_chain(file, self.key, ask)
        except (OSError, ValueError, EOFError):  # ssl.SSLError is an OSError
            what = f"the client certificate {file}" + (f" or its key {self.key}" * bool(self.key))
            raise TransferError(Exit.BAD_CLIENT_CERTIFICATE, f"cannot use {what}") from None


def split_certificate(text: str) -> tuple[str, str | None]:
    r"""The file and the pass phrase of FILE[:PHRASE]; a \ before a : or \ takes its meaning."""
    file, position = "", 0
    while position < len(text):
        char = text[position]
        if char == "\\" and text[position + 1 : position + 2] in (":", "\\"):
            position += 1
            char = text[position]
        elif char == ":":
            return file, text[position + 1 :]
        file += char
        position += 1
    return file, None


def _load_revoked(context: ssl.SSLContext, file: str) -> None:
    before = context.cert_store_stats()["crl"]
    try:
        context.load_verify_locations(cafile=file)
    except OSError:
        raise _bad_crl(file) from None
    if context.cert_store_stats()["crl"] == before:
        raise _bad_crl(file)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _bad_crl(file: str) -> TransferError:
    return TransferError(Exit.BAD_CRL_FILE, f"cannot read a revocation list from {file}")


def _bad_ca(name: str | None) -> TransferError:
    return TransferError(Exit.BAD_CA_FILE, f"cannot read certificates from {name}")


def chain_of(tls: Any) -> tuple[str, ...]:
    """The certificates that a peer has sent, its own first, as PEM; `tls`: an SSLSocket.

    Python tells the whole chain from 3.13 on, and by a private name before.
    """
    source = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
    get_chain = getattr(source, "get_unverified_chain", None)
    chain = () if get_chain is None else get_chain() or ()
    ders = [each if isinstance(each, bytes) else each.public_bytes(_DER) for each in chain]
    own = tls.getpeercert(binary_form=True)
    if not ders and own:
        ders = [own]
    return tuple(map(ssl.DER_cert_to_PEM_cert, ders))


_DER = 2  # of the private module's constants: ENCODING_DER

"""The same command line for curl and for socks5-curl: TLS with the origin."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trustme

from tests.real_servers import require

from .comparison import run_curl
from .origin import OK
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.server_fixture import Server

    from .conftest import Result


@pytest.fixture(autouse=True)
def curl() -> str:
    return require("curl")


_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Files(NamedTuple):
    """Paths that the rows name by their fields."""

    CA: str
    OTHERCA: str
    CADIR: str
    CERT: str
    KEY: str
    BOTH: str
    LOCKED: str
    FOREIGN: str
    CRL: str
    EMPTYCRL: str
    NOTHING: str
    MISSING: str


def _context(certificate: trustme.LeafCert, **settings: object) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("tls")
    openssl = require("openssl")

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], check=True, capture_output=True, cwd=folder, timeout=30)

    authority.cert_pem.write_to_path(str(folder / "ca"))
    authority.private_key_pem.write_to_path(str(folder / "ca.key"))
    other = trustme.CA()
    other.cert_pem.write_to_path(str(folder / "other"))
    (folder / "dir").mkdir()
    authority.cert_pem.write_to_path(str(folder / "dir" / "ca.pem"))
    run("rehash", "dir")
    own = authority.issue_cert("client@test")
    own.private_key_pem.write_to_path(str(folder / "key"))
    own.cert_chain_pems[0].write_to_path(str(folder / "cert"))
    own.private_key_and_cert_chain_pem.write_to_path(str(folder / "both"))
    run("pkey", "-aes128", "-in", "key", "-out", "locked.key", "-passout", "pass:se:cret")
    locked = (folder / "locked.key").read_bytes() + (folder / "cert").read_bytes()
    (folder / "locked").write_bytes(locked)
    other.issue_cert("x@test").private_key_and_cert_chain_pem.write_to_path(str(folder / "foreign"))
    (folder / "index").touch()
    (folder / "number").write_text("01")
    (folder / "conf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n"
        "default_crl_days=30\n"
    )
    sign = ("ca", "-config", "conf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca")
    run(*sign, "-out", "emptycrl")
    revoked = authority.issue_cert("revoked.test", "origin.test")
    revoked.cert_chain_pems[0].write_to_path(str(folder / "revoked"))
    revoked.private_key_and_cert_chain_pem.write_to_path(str(folder / "revoked.both"))
    run("ca", "-config", "conf", "-revoke", "revoked", "-keyfile", "ca.key", "-cert", "ca")
    run(*sign, "-out", "crl")
    (folder / "nothing").write_text("nothing of use")
    names = {
        "CA": "ca",
        "OTHERCA": "other",
        "CADIR": "dir",
        "CERT": "cert",
        "KEY": "key",
        "BOTH": "both",
        "LOCKED": "locked",
        "FOREIGN": "foreign",
        "CRL": "crl",
        "EMPTYCRL": "emptycrl",
        "NOTHING": "nothing",
        "MISSING": "missing",
    }
    return Files(**{key: str(folder / name) for key, name in names.items()})


@pytest.fixture(scope="module")
def servers(authority: trustme.CA, files: Files) -> Iterator[dict[str, Web]]:
    """Origins by name, each with its way to speak TLS."""
    good = authority.issue_cert("origin.test")
    revoked = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    revoked.load_cert_chain(Path(files.CA).parent / "revoked.both")
    demanding = _context(good)
    demanding.load_verify_locations(files.CA)
    demanding.verify_mode = ssl.CERT_REQUIRED
    demanding.maximum_version = ssl.TLSVersion.TLSv1_2  # so that the handshake itself fails
    http2 = _context(good)
    http2.set_alpn_protocols(["http/1.1"])
    contexts = {
        "good": _context(good),
        "other": _context(authority.issue_cert("other.test")),
        "expired": _context(authority.issue_cert("origin.test", not_after=_LONG_AGO)),
        "revoked": revoked,
        "demanding": demanding,
        "1.2": _context(good, maximum_version=ssl.TLSVersion.TLSv1_2),
        "1.3": _context(good, minimum_version=ssl.TLSVersion.TLSv1_3),
        "alpn": http2,
    }
    webs = {name: Web(lambda request: OK, context) for name, context in contexts.items()}
    with ExitStack() as stack:
        for web in webs.values():
            stack.enter_context(web)
        yield webs


CA = ["--cacert", "CA"]

ROWS: list[tuple[str, list[str]]] = [
    ("good", [*CA]),
    ("good", []),
    ("good", ["-k"]),
    ("good", ["--cacert", "OTHERCA"]),
    ("good", ["--cacert", "NOTHING"]),
    ("good", ["--cacert", "MISSING"]),
    ("good", ["--capath", "CADIR"]),
    ("good", ["--cacert", "OTHERCA", "-k"]),
    ("other", [*CA]),
    ("other", [*CA, "-k"]),
    ("expired", [*CA]),
    ("expired", ["-k"]),
    ("revoked", [*CA]),
    ("revoked", [*CA, "--crlfile", "CRL"]),
    ("good", [*CA, "--crlfile", "CRL"]),
    ("good", [*CA, "--crlfile", "EMPTYCRL"]),
    ("good", [*CA, "--crlfile", "MISSING"]),
    ("demanding", [*CA]),
    ("demanding", [*CA, "--cert", "BOTH"]),
    ("demanding", [*CA, "--cert", "CERT", "--key", "KEY"]),
    ("demanding", [*CA, "--cert", "LOCKED:se:cret"]),
    ("demanding", [*CA, "--cert", "LOCKED", "--pass", "se:cret"]),
    ("demanding", [*CA, "--cert", "LOCKED:wrong"]),
    ("demanding", [*CA, "--cert", "CERT"]),
    ("demanding", [*CA, "--cert", "MISSING"]),
    ("demanding", [*CA, "--cert", "NOTHING"]),
    ("demanding", [*CA, "--cert", "BOTH", "--key", "MISSING"]),
    ("demanding", [*CA, "--cert", "FOREIGN"]),
    ("1.2", [*CA]),
    ("1.2", [*CA, "--tlsv1.2"]),
    ("1.2", [*CA, "--tlsv1.3"]),
    ("1.2", [*CA, "--tls-max", "1.1"]),
    ("1.3", [*CA]),
    ("1.3", [*CA, "--tlsv1.2"]),
    ("1.3", [*CA, "--tls-max", "1.2"]),
    ("1.3", [*CA, "--tls-max", "1.3"]),
    ("1.3", [*CA, "-1"]),
    ("1.2", [*CA, "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"]),
    ("good", [*CA, "--ciphers", "NOSUCH"]),
    ("alpn", [*CA]),
    ("alpn", [*CA, "--no-alpn"]),
    ("alpn", [*CA, "--http1.1"]),
    ("good", [*CA, "--http1.0"]),
    ("good", [*CA, "--resolve", "origin.test:PORT:127.0.0.1"]),
    ("other", [*CA, "--connect-to", "other.test::origin.test:", "https://other.test:PORT/"]),
]
# Files and names that are of no use: curl connects before it looks at them.
BEFORE = (58, 59, 77, 82)
WRITTEN = "|%{http_code} %{http_version} %{scheme} %{num_connects} %{ssl_verify_result}"


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=lambda value: " ".join(value))
def test_same(
    bare: Callable[..., Result],
    proxy: Server,
    servers: dict[str, Web],
    files: Files,
    name: str,
    arguments: list[str],
) -> None:
    web = servers[name]
    named = files._asdict()
    words = ["-q", "-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}"]
    for word in arguments:
        file, colon, rest = word.partition(":")
        word = named[file] + colon + rest if file in named else word
        words.append(word.replace("PORT", str(web.port)))
    if not words[-1].startswith("https"):
        words.append(web.url)
    results = []
    for command in (run_curl, bare):
        web.clear()
        written = WRITTEN if "-k" not in arguments else "|%{http_code}"
        code, out = command(*words, "-w", written)[:2]
        if code in BEFORE:
            out = b""
        results.append((code, out, len(web.requests)))
    assert results[1] == results[0]

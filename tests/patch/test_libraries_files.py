"""Clients of file servers, unmodified, under patch(): FTP both ways round, TFTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import real_servers
from tests.server_fixture import Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.patch.conftest import Trial
    from tests.real_servers import FtpServer, RealProxy, TftpServer

NAME = "files.test"  # there is no such name but at the proxy
TEXT = "through the proxy"
CONNECT, BIND = 1, 2

# Who connects for the data, the options for it, and what the proxy is asked for each time.
MODES = {"passive": ([], CONNECT), "active": (["--bind"], BIND)}


@pytest.mark.parametrize("mode", MODES)
def test_ftp(mode: str, trial: Trial, ftp_server: FtpServer) -> None:
    options, command = MODES[mode]
    with Server(names={NAME: ftp_server.host}) as proxy:
        answer = trial(
            "ftplib_transfer",
            NAME,
            ftp_server.port,
            f"upload/patched-{mode}",
            TEXT,
            mode,
            library=f"ftplib {mode}",
            server="vsftpd",
            proxy=proxy,
            options=options,
        )
        assert [exchange.command for exchange in proxy.requests] == [CONNECT, command, command]
        proxy.wait_idle()
    assert answer == f"{TEXT}\n"


@pytest.mark.parametrize("mode", MODES)
def test_ftp_through_a_real_proxy(
    mode: str, trial: Trial, ftp_server: FtpServer, danted: RealProxy
) -> None:
    """Which reaches loopback alone, so that is not to be bypassed."""
    answer = trial(
        "ftplib_transfer",
        ftp_server.host,
        ftp_server.port,
        f"upload/danted-{mode}",
        TEXT,
        mode,
        library=f"ftplib {mode}",
        server="vsftpd",
        proxy=danted,
        options=["--bypass", "none", *MODES[mode][0]],
    )
    assert answer == f"{TEXT}\n"


def test_ftp_by_url(trial: Trial, ftp_server: FtpServer) -> None:
    real_servers.publish(ftp_server.root / "patched", TEXT.encode())
    with Server(names={NAME: ftp_server.host}) as proxy:
        answer = trial(
            "urllib_ftp",
            NAME,
            ftp_server.port,
            "patched",
            library="urllib.request ftp",
            server="vsftpd",
            proxy=proxy,
        )
        proxy.wait_idle()
    assert answer == f"{TEXT}\n"


# The relay tells by address who answers a datagram, even where it was sent to a name.
TFTP = {"name": (NAME, []), "address": ("127.0.0.1", ["--bypass", "none"])}


@pytest.mark.parametrize("by", TFTP)
def test_tftp(by: str, trial: Trial, tftp_server: TftpServer, tmp_path: Path) -> None:
    host, options = TFTP[by]
    text = TEXT * 100  # several datagrams
    real_servers.publish(tftp_server.root / "patched", text.encode())
    with Server(names={NAME: tftp_server.host}) as proxy:
        answer = trial(
            "tftpy_transfer",
            host,
            tftp_server.port,
            "patched",
            tmp_path / "copy",
            library=f"tftpy by {by}",
            server="tftpd-hpa",
            proxy=proxy,
            options=options,
        )
        proxy.wait_idle()
    assert answer == f"{text}\n"

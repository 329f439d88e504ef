"""The standard library's clients of mail servers, unmodified, under patch()."""

from __future__ import annotations

import imaplib
import ssl
from typing import TYPE_CHECKING

from tests.server_fixture import Server

if TYPE_CHECKING:
    from tests.patch.conftest import Trial
    from tests.real_servers import MailServer, MailTransport

SUBJECT = "through the proxy"


def test_a_mail_sent(trial: Trial, aiosmtpd: MailTransport) -> None:
    with Server(names={aiosmtpd.name: aiosmtpd.host}) as proxy:
        refused = trial(
            "smtplib_mail",
            aiosmtpd.name,
            aiosmtpd.port,
            aiosmtpd.ca_file,
            SUBJECT,
            library="smtplib",
            server="aiosmtpd",
            proxy=proxy,
        )
        proxy.wait_idle()
    assert refused == "{}\n"
    [mail] = (aiosmtpd.maildir / "new").iterdir()
    assert f"Subject: {SUBJECT}\n" in mail.read_text()


def test_a_mail_kept_and_read(trial: Trial, dovecot: MailServer) -> None:
    with Server(names={dovecot.name: dovecot.host}) as proxy:
        header = trial(
            "imaplib_mail",
            dovecot.name,
            dovecot.port,
            dovecot.ca_file,
            dovecot.user,
            dovecot.password,
            SUBJECT,
            library="imaplib",
            server="dovecot",
            proxy=proxy,
        )
        proxy.wait_idle()
    assert header == f"Subject: {SUBJECT}\n"


def test_a_mailbox_emptied(trial: Trial, dovecot: MailServer) -> None:
    deliver(dovecot, SUBJECT)
    with Server(names={dovecot.name: dovecot.host}) as proxy:
        headers = trial(
            "poplib_mail",
            dovecot.name,
            dovecot.pop3_port,
            dovecot.ca_file,
            dovecot.user,
            dovecot.password,
            library="poplib",
            server="dovecot",
            proxy=proxy,
        )
        proxy.wait_idle()
    assert headers == f"Subject: {SUBJECT}\n"


def deliver(server: MailServer, subject: str) -> None:
    """Put a mail where POP3 finds it."""
    context = ssl.create_default_context(cafile=server.ca_file)
    context.check_hostname = False  # the name is the proxy's
    with imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context, timeout=10) as client:
        client.login(server.user, server.password)
        client.append("INBOX", "", "", f"Subject: {subject}\r\n\r\nhello\r\n".encode())

"""A mail put into a mailbox and read there by imaplib, over TLS."""

import imaplib
import ssl
import sys

host, port, ca_file, user, password, text = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
with imaplib.IMAP4_SSL(host, int(port), ssl_context=context, timeout=10) as client:
    client.login(user, password)
    client.create("patched")
    client.append("patched", "", "", f"Subject: {text}\r\n\r\nhello\r\n".encode())
    client.select("patched")
    _, [[_, header], _] = client.fetch("1", "(BODY[HEADER.FIELDS (SUBJECT)])")
    print(header.decode().strip())

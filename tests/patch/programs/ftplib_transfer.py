"""A file stored and fetched by ftplib; it connects for the data, or is connected to."""

import ftplib
import io
import sys

host, port, path, text, mode = sys.argv[1:]
with ftplib.FTP(timeout=10) as client:
    client.connect(host, int(port))
    client.login()
    client.set_pasv(mode == "passive")
    client.storbinary(f"STOR {path}", io.BytesIO(text.encode()))
    client.retrlines(f"RETR {path}", print)

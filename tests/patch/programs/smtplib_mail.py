"""A mail sent by smtplib, after STARTTLS."""

import smtplib
import ssl
import sys

host, port, ca_file, text = sys.argv[1:]
mail = f"Subject: {text}\r\n\r\nhello\r\n"
with smtplib.SMTP(host, int(port), timeout=10) as client:
    client.starttls(context=ssl.create_default_context(cafile=ca_file))
    print(client.sendmail("me@client.test", ["you@mail.test"], mail))

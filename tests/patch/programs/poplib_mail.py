"""A mailbox emptied by poplib, after STLS."""

import poplib
import ssl
import sys

host, port, ca_file, user, password = sys.argv[1:]
client = poplib.POP3(host, int(port), timeout=10)
client.stls(ssl.create_default_context(cafile=ca_file))
client.user(user)
client.pass_(password)
count, _ = client.stat()
for number in range(1, count + 1):
    print(client.retr(number)[1][0].decode())
    client.dele(number)
client.quit()

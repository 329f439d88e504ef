"""A page by http.client."""

import http.client
import ssl
import sys

host, port, ca_file = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
connection = http.client.HTTPSConnection(host, int(port), timeout=10, context=context)
connection.request("GET", "/")
page = connection.getresponse()
print(page.status, page.read().decode(), end="")
connection.close()

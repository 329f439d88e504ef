"""A page by urllib.request."""

import ssl
import sys
import urllib.request

host, port, ca_file = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
with urllib.request.urlopen(f"https://{host}:{port}/", timeout=10, context=context) as page:
    print(page.status, page.read().decode(), end="")

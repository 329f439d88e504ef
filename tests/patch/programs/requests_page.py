"""A page by requests."""

import sys

import requests

host, port, ca_file = sys.argv[1:]
with requests.get(f"https://{host}:{port}/", verify=ca_file, timeout=10) as page:
    print(page.status_code, page.text, end="")

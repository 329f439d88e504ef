"""How far a server's clock is from the clock here, by ntplib."""

import sys

import ntplib

host, port = sys.argv[1:]
reply = ntplib.NTPClient().request(host, version=4, port=int(port))
print(reply.stratum, abs(reply.offset) < 1)

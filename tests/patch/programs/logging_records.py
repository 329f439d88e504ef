"""A record sent by a handler of logging.handlers to a server that sends it back."""

import logging
import sys
from logging import handlers

host, port, text, how = sys.argv[1:]
if how == "SysLogHandler":
    handler = handlers.SysLogHandler((host, int(port)))
else:
    handler = getattr(handlers, how)(host, int(port))
logger = logging.getLogger("program")
logger.addHandler(handler)
logger.error(text)
sock = handler.socket if how == "SysLogHandler" else handler.sock
sock.settimeout(10)
print(text.encode() in sock.recv(65536))
handler.close()

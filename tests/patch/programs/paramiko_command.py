"""A command's output, by paramiko."""

import sys

import paramiko

host, port, user, key, known_hosts, command = sys.argv[1:]
with paramiko.SSHClient() as client:
    client.load_host_keys(known_hosts)
    place = (host, int(port), user)
    client.connect(*place, key_filename=key, allow_agent=False, look_for_keys=False, timeout=10)
    _, output, _ = client.exec_command(command)
    print(output.read().decode(), end="")

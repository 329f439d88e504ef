"""python -m socks5client.cli"""

from . import command

if __name__ == "__main__":
    command()

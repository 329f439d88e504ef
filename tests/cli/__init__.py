"""Tests of socks5-curl; each module of socks5client.cli has its own."""

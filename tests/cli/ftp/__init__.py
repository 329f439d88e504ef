"""Tests of ftp:// and ftps://."""

"""Tests of tftp://."""

"""Fakes and conformance suites, usable by plug-ins."""

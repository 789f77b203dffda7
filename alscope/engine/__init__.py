"""Stages, the loop, executors and the service."""

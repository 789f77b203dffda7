"""Measures of a classifier."""

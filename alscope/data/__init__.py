"""Data sets, scenarios and the views a trainer reads."""

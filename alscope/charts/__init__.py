"""Functions from a frame to an Altair chart."""

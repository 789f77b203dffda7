"""Networks with one surface."""

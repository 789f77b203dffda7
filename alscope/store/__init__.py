"""Two stores: the run store (never evicted) and the artifact cache (rebuildable)."""

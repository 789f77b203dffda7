"""From the run store to tidy frames and statistics."""

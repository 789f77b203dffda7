"""Learning: the trainer, inference passes and what can be attached to them."""

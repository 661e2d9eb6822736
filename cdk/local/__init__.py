"""The one-machine edition: the same stacks, a real record, simulated venues, one address."""

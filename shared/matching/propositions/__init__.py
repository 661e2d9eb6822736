"""What a market claims, read deterministically from its texts; what is not found is unknown."""

from shared.matching.propositions.proposition import Kind, Proposition, parse

__all__ = ["Kind", "Proposition", "parse"]

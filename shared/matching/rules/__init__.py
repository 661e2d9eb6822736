"""The hard rules, by what they compare; ``hard_rules`` applies them in order."""

"""The commands of ``twinleg``, one module a group; ``cli`` joins them."""

"""Language models and embeddings behind the ports of ``shared.ports.language_model``."""

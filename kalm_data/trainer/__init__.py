"""The bundled contrastive trainer, on the trainer of sentence-transformers."""

"""Settings of `train`, a file for each part of the trainer that reads them."""

"""One file for one foreign thing: an encoder, a search, a file format."""

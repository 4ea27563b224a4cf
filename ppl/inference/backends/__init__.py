"""The inference backends, one a file; each file's ``Backend`` is found by its name."""

"""Compares two versions of the spec, from the side of a client that reads responses."""

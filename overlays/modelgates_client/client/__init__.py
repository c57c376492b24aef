"""The clients `ModelGates` and `AsyncModelGates`: their arguments and life cycle."""

"""The clients, their arguments and their life cycle: gives out `ModelGates`, `AsyncModelGates`."""

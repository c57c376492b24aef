"""Resources with methods that a spec cannot express: `Generations` and `AsyncGenerations`."""

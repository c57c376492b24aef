"""One call, from its options to an answer or an error: gives out `Execution`, pure but for time."""

"""One call, from its options to a record or an error: gives out `Call`, pure but for its clock."""

"""What a client's resources do that a spec cannot say: gives out `Generations`, its async twin."""

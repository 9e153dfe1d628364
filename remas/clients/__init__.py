"""Other machines, spoken to with timeouts; what to say to them is decided elsewhere."""

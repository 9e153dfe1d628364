"""What runs by itself: the ticker, which finds what is due, and the workers, which carry it."""

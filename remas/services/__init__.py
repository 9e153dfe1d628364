"""Use cases. Each locks, reads, decides, writes and commits once."""

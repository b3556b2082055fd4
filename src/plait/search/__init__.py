"""Search strategies, raced and merged."""

"""What lies in an index's directory."""

DATABASE = "index.db"
LOCK = "lock"

"""This machine: the only layer that opens files and starts processes."""

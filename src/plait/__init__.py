"""Plait: a terminal coding assistant whose tools run in parallel, safely."""

__version__ = "0.1.0"

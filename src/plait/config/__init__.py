"""Typed settings, in layers."""

"""The tools: what each call touches, and its run."""

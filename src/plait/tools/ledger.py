"""What this session last saw of each file, so that an edit can tell whether it changed behind the model's back."""

from __future__ import annotations

from pathlib import Path


class FileLedger:
    """The SHA-256 (hex) of each file as it was last read or written in this session, by resolved path."""

    def __init__(self) -> None:
        self._hashes: dict[Path, str] = {}

    def saw(self, path: Path, sha256: str) -> None:
        """The model knows these bytes now: it read or wrote them."""
        self._hashes[path] = sha256

    def hash_of(self, path: Path) -> str | None:
        """Return what it last saw, or None if it never did."""
        return self._hashes.get(path)

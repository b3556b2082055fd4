"""Small files of Plait's own, outside the workspace: replaced at once or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_own(file: Path, text: str) -> None:
    """Put `text` in the place of what the file held; its directory is made if it is missing. Blocking.

    A link is followed once, so that the file it points to is replaced and not the link.

    Raises:
        OSError: It cannot be written; what it held before is still there.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = Path(os.path.realpath(file))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise

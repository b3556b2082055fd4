"""What the operating system refuses, in words. Pure."""

from __future__ import annotations

import errno
import os

# What is most often wrong; the rest in the system's own words.
_WORDS = {
    errno.EACCES: "permission denied",
    errno.EDQUOT: "the disk quota is used up",
    errno.EEXIST: "it exists already",
    errno.EINVAL: "the name or the place does not allow it",
    errno.EIO: "the disk or the network drive failed",
    errno.EISDIR: "it is a directory",
    errno.ELOOP: "its symbolic links form a loop",
    errno.EMFILE: "too many files are open",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "it does not exist",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "a part of its path is not a directory",
    errno.EPERM: "the system does not permit it",
    errno.EROFS: "it is on a read-only file system",
}
MAX_SHOWN_CHARACTERS = 120
# What file systems allow in one name, and systems in one path.
MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 4095


def in_words(error: OSError | ValueError) -> str:
    """Return why something was refused, in words that begin small and need no number."""
    if not isinstance(error, OSError):
        return str(error) or type(error).__name__
    said = error.strerror or str(error) or type(error).__name__
    return _WORDS.get(error.errno or 0, said[:1].lower() + said[1:])


def in_one_line(done_by: str, error: OSError) -> str:
    """Return a sentence on what `done_by` (a tool) met, with the path in question where the error has one."""
    name = error.filename
    if isinstance(name, bytes | str):
        return f"`{done_by}` failed at `{shortened(os.fsdecode(name))}`: {in_words(error)}."
    return f"`{done_by}` failed: {in_words(error)}."


def shortened(path: str) -> str:
    """Return a path as text that fits into a line: its beginning and its end, and nothing that is no text."""
    text = path.encode("utf-8", "backslashreplace").decode()
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    if len(text) <= MAX_SHOWN_CHARACTERS:
        return text
    half = MAX_SHOWN_CHARACTERS // 2
    return f"{text[:half]}…{text[-half:]}"


def why_no_name(path: str) -> str | None:
    """Return why no file can have such a path, wherever it is; None if one may."""
    if "\0" in path:
        return "it holds a NUL"
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError as error:
        return f"it holds U+{ord(path[error.start]):04X}, half of a character"
    if os.name != "posix":
        return None
    if len(name) > MAX_PATH_BYTES:
        return f"it has {len(name):,} bytes, and a path may have {MAX_PATH_BYTES:,}"
    longest = max(map(len, name.split(b"/")))
    if longest > MAX_NAME_BYTES:
        return f"a name in it has {longest:,} bytes, and one may have {MAX_NAME_BYTES}"
    return None

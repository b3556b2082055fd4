"""A command's output and end, in words for the model. Pure."""

from __future__ import annotations

import re

from plait.host.process import ProcessEnd
from plait.tools.output import cut, size_in_words

# Control sequences and strings of terminals (ECMA-48, 5.4 and 5.6), which mean nothing without one.
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
# Of so many characters, more than a fifth that are no text make it binary.
SAMPLED = 8192
NAMES_SHOWN = 5
# What programs say when a place is read-only or closed to them, and when there is no network.
CLOSED = re.compile(
    r"read-only file ?system|EROFS|os error 30\b|errno 30\b|permission denied|operation not permitted|EACCES|EPERM|"
    r"device or resource busy|could not (?:lock|write) config file|cannot connect to the docker daemon|"
    r"authentication agent|gpg failed to sign|no secret key|unable to open x display|cannot open display",
    re.IGNORECASE,
)
UNREACHABLE = re.compile(
    r"network is unreachable|ENETUNREACH|could not resolve|(?:temporary )?failure in name resolution|EAI_AGAIN|"
    r"ENOTFOUND|name or service not known|failed to lookup address|getaddrinfo|no such host|dns error|"
    r"no route to host|connection refused|ECONNREFUSED|failed to establish a new connection|couldn't connect to server|"
    r"unable to access 'https?:|error sending request|network error|nodename nor servname",
    re.IGNORECASE,
)
SEARCHED_BYTES = 64_000


def legible(output: bytes) -> str:
    """Return output as text: terminal controls taken out, of lines written over each other the last, binary named."""
    text = output.decode("utf-8", "replace").replace("\r\n", "\n")
    text = ESCAPES.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    sample = text[:SAMPLED]
    if len(CONTROL.findall(sample)) * 5 > len(sample):
        return f"(binary output, {size_in_words(len(output))})"
    return CONTROL.sub("\ufffd", text)


def report(output: str, notes: list[str], budget: int) -> str:
    """Return what the model reads: the output within `budget` characters, then each note on a line of its own."""
    tail = "\n".join(f"[{note}]" for note in notes)[: budget // 2]
    body = output.rstrip("\n") or "(no output)"
    return f"{cut(body, budget - len(tail) - 1)}\n{tail}"


def notes_on(end: ProcessEnd) -> list[str]:
    """Return how it ended, and what of it did not end by itself."""
    notes = []
    if end.exit_code is not None:
        notes.append(f"exit code {end.exit_code}")
    elif end.signal is not None:
        notes.append(f"ended by {end.signal}")
    return notes + notes_on_rest(end)


def notes_on_rest(end: ProcessEnd) -> list[str]:
    notes = list(end.notes)
    if end.ended:
        notes.append(
            f"ended with it, since it was left running: {_names(end.ended)}; use `background` for what must go on"
        )
    if end.gone_on:
        notes.append(f"goes on in a session of its own: {_names(end.gone_on)}")
    return notes


def sandbox_note(end: ProcessEnd, sandbox: str, *, network: bool) -> str | None:
    """Say that a command may have failed because of the `sandbox` that it ran in, and what can be done, or None."""
    if end.exit_code in (0, None):
        return None
    text = (end.stdout[:SEARCHED_BYTES] + end.stdout[-SEARCHED_BYTES:]).decode("utf-8", "replace")
    reasons = []
    if not network and UNREACHABLE.search(text):
        reasons.append("it had no network")
    if CLOSED.search(text):
        reasons.append("it could write only below the workspace and in a private `/tmp`, and secrets were hidden")
    if not reasons:
        return None
    return (
        f"ran in the sandbox ({sandbox}): {'; '.join(reasons)}. If that is why it failed, and it is needed, "
        "`outside_sandbox` asks the user to let it run once without"
    )


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_SHOWN])
    return shown + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")

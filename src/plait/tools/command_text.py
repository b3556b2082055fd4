"""A command's output and end, in words for the model. Pure."""

from __future__ import annotations

import re

from plait.host import text as host_text
from plait.host.process import ProcessEnd
from plait.tools.output import cut, size_in_words

# Control strings of terminals (ECMA-48, 5.6): titles, links, images. One that does not end on its line is none: a
# terminal would swallow the rest of the output with it.
CONTROL_STRINGS = re.compile(r"\x1b[\]P^_X]([^\x07\x1b\x18\x1a\n]*)(?:\x07|\x1b\\)")
# Control sequences (5.4), and what is left of strings that do not end; they mean nothing without a terminal.
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]{0,2}[0-~]")
# Bold and underlined letters, as printers make them: struck twice, or over a line.
OVERSTRUCK = re.compile(r"([^\x08\n])\x08(?=\1)|_\x08(?=[^\x08\n])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
CONTROL_RUNS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]+")
MAX_CONTROL_STRING = 2_000
"""A control string of more characters than any title or link is mentioned."""
MAX_ODD_CHARACTERS = 100
"""Output with no more characters that are no text is shown whole; with more, if they are at most a fifth of it."""
MIN_TEXT_RUN = 4
"""Of binary output, runs of so many characters of text are shown."""
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
    r"\bENOTFOUND\b|name or service not known|failed to lookup address|getaddrinfo|no such host|dns error|"
    r"no route to host|connection refused|ECONNREFUSED|failed to establish a new connection|couldn't connect to server|"
    r"unable to access 'https?:|error sending request|network error|nodename nor servname",
    re.IGNORECASE,
)
SEARCHED_BYTES = 64_000


def legible(output: bytes) -> str:
    """Return output as text: terminal controls taken out, of lines written over each other the last.

    Of binary output its size and the text in it are returned.
    """
    text = _readable(_decoded(output))
    if _is_mostly_text(text):
        return CONTROL.sub("\ufffd", text)
    try:
        # Not UTF-8, yet text: in an older encoding.
        other = _readable(host_text.decode(output).text)
    except host_text.NotText:
        other = ""
    if other and _is_mostly_text(other):
        return CONTROL.sub("\ufffd", other)
    if set(CONTROL.findall(text)) == {"\0"} and text.strip("\0\n"):
        # Names or fields that NUL separates, or UTF-16.
        return CONTROL_RUNS.sub("\ufffd", text)
    runs = (run.strip() for run in CONTROL_RUNS.split(text))
    found = [run for run in runs if len(run) >= MIN_TEXT_RUN]
    size = size_in_words(len(output))
    return "\n".join([f"(binary output, {size}; the text in it:)", *found] if found else [f"(binary output, {size})"])


def _decoded(output: bytes) -> str:
    """Return output decoded by its byte order mark, else as UTF-8, with U+FFFD for what is not."""
    for mark, encoding in host_text.MARKS:
        if output.startswith(mark):
            return output[len(mark) :].decode(encoding, "replace")
    return output.decode("utf-8", "replace")


def _readable(text: str) -> str:
    text = CONTROL_STRINGS.sub(_control_string, text.replace("\r\n", "\n"))
    text = OVERSTRUCK.sub("", ESCAPES.sub("", text))
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return text


def _control_string(match: re.Match[str]) -> str:
    length = len(match[1])
    return "" if length <= MAX_CONTROL_STRING else f"(control string for a terminal, {length:,} characters)"


def _is_mostly_text(text: str) -> bool:
    odd = len(CONTROL.findall(text))
    return (odd <= MAX_ODD_CHARACTERS and odd < len(text)) or odd * 5 <= len(text)


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

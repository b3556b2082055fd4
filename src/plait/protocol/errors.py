"""The exception tree.

    PlaitError
    ├─ UserError        the user can fix it; the text says how; exit 1
    │  └─ SessionInUse  another Plait has the session open; a copy can be had
    ├─ ToolRefused      the model can fix it; goes back as the call's outcome
    ├─ ProviderError    the model's service failed; carries status and retry_after_s; exit 2
    └─ InternalError    our bug; traceback to the debug log, one line to the user

A message says what was tried, what was found, and what to do, in one line. Identifiers in backticks.
"""

from __future__ import annotations


class PlaitError(Exception):
    """Base of every error that Plait raises on purpose."""


class UserError(PlaitError):
    """A mistake that the user can mend: a flag, a file, a setting, a missing key."""


class SessionInUse(UserError):
    """Another Plait has the session open. `session_id` names it, so that a view can offer a copy."""

    def __init__(self, message: str, session_id: str = "") -> None:
        super().__init__(message)
        self.session_id = session_id


class ToolRefused(PlaitError):
    """A call that cannot be done as asked. Its text is what the model reads."""


class ProviderError(PlaitError):
    """The model's service failed, or could not be reached.

    `status` is the HTTP status if there was one; `retry_after_s` what the service asked for, in seconds;
    `retryable` says whether the same request may succeed later without any change by the user; `max_retries` how
    often at most, in a row, it is worth trying, if less often than usual;
    `is_context_full` that the conversation is too long for the model.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        retryable: bool = False,
        max_retries: int | None = None,
        is_context_full: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.retryable = retryable
        self.max_retries = max_retries
        self.is_context_full = is_context_full


class InternalError(PlaitError):
    """A bug of ours. The user sees one line, the debug log the traceback."""

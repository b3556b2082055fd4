"""Whether a failed request goes out again, and how long to wait before. Pure: the turn waits, and tells."""

from __future__ import annotations

from plait.protocol.errors import ProviderError

MAX_RETRIES = 4
MAX_USUAL_WAIT_S = 60.0
"""A longer `Retry-After` is obeyed where somebody sees the waiting, or has said how long it may take."""


class Retries:
    """The retries of one turn.

    `base_s` is the first of the waits, which double. `attended`: somebody sees the waiting and can end it.
    """

    def __init__(self, base_s: float, *, attended: bool) -> None:
        self.attempt = 0
        """How many of the requests in a row have been tried again."""
        self._base_s = base_s
        self._attended = attended
        self._of_kind: dict[str, int] = {}

    def succeeded(self) -> None:
        self.attempt = 0
        self._of_kind.clear()

    def next_wait_s(self, error: ProviderError, left_s: float | None) -> float | None:
        """Return how long to wait before the request goes out again, in seconds; None if it does not.

        `left_s` is what is left of the turn's time limit, if it has one. Counts the retry.
        """
        kind = type(error).__name__ if error.max_retries is not None else ""
        tried = self._of_kind.get(kind, 0)
        limit = MAX_RETRIES if error.max_retries is None else error.max_retries
        if not error.retryable or self.attempt >= MAX_RETRIES or tried >= limit or self._is_too_long(error, left_s):
            return None
        self.attempt += 1
        self._of_kind[kind] = tried + 1
        if error.retry_after_s is not None:
            return error.retry_after_s
        if error.max_retries == 1:
            # Nothing is learnt from waiting longer.
            return self._base_s / 2
        return min(self._base_s * 2.0 ** (self.attempt - 1), MAX_USUAL_WAIT_S)

    def final(self, error: ProviderError, left_s: float | None) -> ProviderError:
        """Return the error that ends the turn: with what the service asks for, if that was not done."""
        if not error.retryable or not self._is_too_long(error, left_s):
            return error
        return ProviderError(
            f"{error} It asks to wait {error.retry_after_s:.0f} s, longer than Plait waits by itself without a screen: "
            f"run again then, or set `--time-limit` above that.",
            status=error.status,
            retry_after_s=error.retry_after_s,
        )

    def _is_too_long(self, error: ProviderError, left_s: float | None) -> bool:
        if error.retry_after_s is None or error.retry_after_s <= MAX_USUAL_WAIT_S or self._attended:
            return False
        return left_s is None or left_s <= error.retry_after_s

"""A process's output as far as it is kept: its beginning and its end, in bounded memory, in time linear in its size."""

from __future__ import annotations


class KeptOutput:
    """At most `max_bytes` of all that was added: half from the head, the rest from the tail. `total_bytes` is all."""

    def __init__(self, max_bytes: int) -> None:
        self._head_room = max_bytes // 2
        self._tail_room = max_bytes - self._head_room
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, data: bytes) -> None:
        self.total_bytes += len(data)
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail += data[max(0, len(data) - self._tail_room) :]
        # Twice the room before it is cut: each byte is moved once at most.
        if len(self._tail) > 2 * self._tail_room:
            del self._tail[: len(self._tail) - self._tail_room]

    @property
    def dropped_bytes(self) -> int:
        """How much between head and tail is gone."""
        return self.total_bytes - len(self._head) - len(self._kept_tail())

    def _kept_tail(self) -> bytes:
        return bytes(self._tail[max(0, len(self._tail) - self._tail_room) :])

    def value(self) -> bytes:
        """Return head and tail; if something between them is gone, a line says how much."""
        return self.since(0)

    def since(self, position: int) -> bytes:
        """Return what came after the first `position` bytes, as far as it is kept; a line says what is gone."""
        tail = self._kept_tail()
        tail_at = self.total_bytes - len(tail)
        head = bytes(self._head[position:])
        gone = tail_at - max(position, len(self._head))
        note = b"\n[... %d bytes of output not kept ...]\n" % gone if gone > 0 else b""
        return head + note + tail[max(0, position - tail_at) :]

    def tail(self, max_bytes: int) -> bytes:
        """Return at most the last `max_bytes`."""
        return self.since(max(0, self.total_bytes - max_bytes))[-max_bytes:] if max_bytes > 0 else b""

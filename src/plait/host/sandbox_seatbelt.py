"""The profile for macOS's `sandbox-exec` (sandbox(7)): text in its own small language. Pure.

Later rules win over earlier ones. Never run by those who wrote it, for want of a machine: it is tested as text.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from plait.host.sandbox_view import Places, View

HEAD = """(version 1)
(allow default)
(deny file-write*)
(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (regex #"^/dev/fd/"))
(deny process-info* (target others))
(allow process-info* (target same-sandbox))
(deny signal (target others))
(allow signal (target same-sandbox))
(deny mach-lookup (global-name "com.apple.SecurityServer") (global-name "com.apple.securityd.xpc"))
(deny appleevent-send)
"""
NO_NETWORK = """(deny network*)
(allow network* (local ip "localhost:*"))
(allow network-outbound (remote ip "localhost:*"))
"""


def profile(places: Places, view: View, *, network: bool) -> str:
    """Return the profile that lets a command write the view's places only."""
    lines = [HEAD, "" if network else NO_NETWORK]
    lines.append(f"(allow file-write* (subpath {quoted(places.tmp)}) (subpath {quoted(places.private)}))\n")
    for mount in view.mounts:
        place = f"(subpath {quoted(mount.path)})"
        match mount.kind:
            # Where another directory would take its place nothing can be written: there are no mounts.
            case "write" if mount.source == mount.path:
                lines.append(f"(allow file-read* file-write* {place})\n")
            case "write":
                # The user's own store is read; a `/tmp` that is not the commands' has no rule to itself.
                lines += [f"(allow file-read* {place})\n"] if mount.path != "/tmp" else []
            case "read":
                lines.append(f"(allow file-read* {place})\n(deny file-write* {place})\n")
            case "hide":
                lines.append(f"(deny file-read* file-write* network-outbound {place})\n")
            case "link":
                lines.append(f"(allow file-read* (literal {quoted(mount.path)}))\n")
    lines += [f"(deny file-read* file-write* network-outbound (subpath {quoted(path)}))\n" for path in view.closed]
    # A path is found by asking of each directory on the way what it is.
    lines += [f"(allow file-read-metadata (literal {quoted(path)}))\n" for path in _on_the_way(view)]
    # Rules are by path, so what is absent is guarded as well as what is there.
    lines += [f"(deny file-write* (subpath {quoted(path)}))\n" for path in view.absent]
    return "".join(lines)


def _on_the_way(view: View) -> list[str]:
    hidden = {mount.path for mount in view.mounts if mount.kind == "hide"}
    shown = [mount.path for mount in view.mounts if mount.kind != "hide"]
    above = {str(up): None for path in shown for up in PurePosixPath(path).parents}
    return sorted(path for path in above if any(path == place or path.startswith(f"{place}/") for place in hidden))


def quoted(text: str) -> str:
    """Return `text` as a string of the profile's language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""The command line: which view or subcommand runs, and what its end means as an exit code.

The only process edge: whatever is raised below becomes one line on standard error, never a traceback.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType

from plait import __version__
from plait.protocol.errors import InternalError, ProviderError, ToolRefused, UserError

OK, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code of docs/headless.md. Raises nothing."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    from plait.cli import terminal

    streams = terminal.open_missing_streams()
    try:
        return _run(words, Interrupts(), stdout_open=streams[1])
    except (UserError, ToolRefused) as error:
        terminal.tell(str(error))
        return USAGE
    except ProviderError as error:
        terminal.tell(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` say, has seen enough.
        return INTERRUPTED
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        terminal.tell(f"{where}{error.strerror or error}.")
        _log_failure()
        return FAILED
    except InternalError as error:
        terminal.tell(_bug_in_words(str(error), error))
        return FAILED
    except Exception as error:  # The process edge: a bug of ours is one line, too.
        terminal.tell(_bug_in_words(f"failed: {type(error).__name__}: {error}", error))
        return FAILED


def _run(words: list[str], interrupts: Interrupts, *, stdout_open: bool) -> int:
    # Each way of running imports what it needs and no more: that is most of its start.
    from plait.cli.terminal import is_terminal, put

    if words in (["--version"], ["-v"], ["-V"]):
        put(f"plait {__version__}\n")
        return OK if stdout_open else USAGE
    if words in (["--help"], ["-h"]):
        from plait.cli.help import main_help

        put(main_help())
        return OK if stdout_open else USAGE
    from plait.cli.start import grammar
    from plait.host import garbage

    garbage.look_rarely()
    parsed = grammar().parse(words)
    if parsed.command is not None:
        interrupts.take_effect()
        return _run_subcommand(parsed.command, parsed.words)
    if parsed.has("help") or parsed.has("version"):
        return _run(["--help"] if parsed.has("help") else ["--version"], interrupts, stdout_open=stdout_open)
    if parsed.has("print") or not is_terminal(0) or not is_terminal(1):
        from plait.cli import printing

        try:
            interrupts.take_effect()
            return printing.run(parsed, stdout_open=stdout_open)
        except KeyboardInterrupt:
            # So early that no loop listens to signals yet; whoever reads lines still gets a last one.
            printing.refuse_interrupted(parsed)
            raise
    from plait.cli import screen

    interrupts.take_effect()
    return screen.run(parsed)


def _run_subcommand(name: str, words: list[str]) -> int:
    from plait.cli.start import grammar
    from plait.cli.terminal import put

    parsed = grammar(name).parse(words)
    if parsed.has("help"):
        from plait.cli.help import subcommand_help
        from plait.cli.table import SUBCOMMANDS

        put(subcommand_help(SUBCOMMANDS[name]))
        return OK
    match name:
        case "sessions":
            from plait.cli import sessions

            return sessions.run(parsed)
        case "config":
            from plait.cli import settings_list

            return settings_list.run(parsed)
        case "tool":
            from plait.cli import scripts

            return scripts.run_tool(parsed)
        case "check-command":
            from plait.cli import scripts

            return scripts.check_commands(parsed)
        case "search":
            from plait.cli import scripts

            return scripts.search(parsed)
        case "index":
            from plait.cli import index

            return index.run(parsed)
        case "trust":
            from plait.cli import trust

            return trust.run(parsed)
        case "doctor":
            from plait.cli import doctor

            return doctor.run(parsed)
        case _:
            from plait.cli.completion import completion
            from plait.cli.table import SUBCOMMANDS

            shells = SUBCOMMANDS["completion"].actions
            if len(parsed.words) != 1 or parsed.words[0] not in shells:
                raise UserError(
                    f"`plait completion` needs a shell: one of {', '.join(f'`{shell}`' for shell in shells)}."
                )
            put(completion(parsed.words[0]))
            return OK


class Interrupts:
    """Signals that end the program, until a view takes over: they unwind like Ctrl-C, and the exit code is 4.

    One that comes while modules still load waits for `take_effect`: then it is known who must be told.
    """

    def __init__(self) -> None:
        self._waiting = True
        self._came = False
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # A SIGHUP that is ignored stays so: that is what `nohup` is for.
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
                signal.signal(number, self._come)

    def take_effect(self) -> None:
        """From now on, and for what has come: raise KeyboardInterrupt."""
        self._waiting = False
        if self._came:
            raise KeyboardInterrupt

    def _come(self, number: int, frame: FrameType | None) -> None:
        # Whoever asks twice does not want to wait.
        if not self._waiting or self._came:
            raise KeyboardInterrupt
        self._came = True


def _bug_in_words(words: str, error: Exception) -> str:
    """Write a bug's traceback to a file of its own; return the line that says where it is, without any key in it."""
    from plait.config.failure_log import write_failure
    from plait.config.settings import directories, environment
    from plait.host.secrets import Redactor

    _log_failure()
    environ = environment()
    redact = Redactor(environ).redact
    try:
        details = f"details: {write_failure(error, directories(environ).state / 'failures', redact)}"
    except OSError as unwritten:
        details = f"details could not be written: {unwritten.strerror or unwritten}"
    return f"{redact(words)} (a bug in Plait; {details})"


def _log_failure() -> None:
    import logging

    from plait.config import debug_log

    debug_log.silence()
    logging.getLogger("plait").exception("failed")

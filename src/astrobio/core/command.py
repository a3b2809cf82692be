"""What every command does with an error: a message on standard error, and the exit code that belongs to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from astrobio.core.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE, AstrobioError


def run_command(call: Callable[[], int]) -> int:
    """Call, and turn our errors into a message on standard error and an exit code.

    >>> run_command(lambda: 0)
    0
    """
    try:
        try:
            return call()
        finally:
            # A reader that has gone is noticed here and not when the interpreter ends.
            sys.stdout.flush()
    except AstrobioError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has closed it, as `head` does; nothing more can be written there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_USAGE
    except RuntimeError as error:
        if (code := getattr(error, "exit_code", None)) is None:
            raise
        print(f"RuntimeError: {error}", file=sys.stderr)
        return code

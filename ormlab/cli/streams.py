"""The standard streams of the command line: what is written to them, and what if they fail.

`main` puts a `Stream` in the place of `sys.stdout` and of `sys.stderr`. Whoever prints (a command,
click, a traceback, a warning) writes through it, so that two rules hold everywhere:

- A terminal shows control characters and never obeys them; see `bundle.display`.
- A stream that cannot be written to ends no run. What was meant for it is dropped, and `ended`
  says at the end whether that is a fault: a reader who left, as ``head`` does, is none.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

from bundle.display import visible
from ormlab.base.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

_LAYOUT = "\n\t"
_STANDARD = (0, 1, 2)


class Stream(io.TextIOBase):
    """A standard stream that shows control characters, and never raises an `OSError`.

    It has no ``buffer``: click would write past it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        #: why it could not be written to; None as long as it can
        self.trouble: OSError | None = None
        if stream is None:
            self.trouble = OSError(errno.EBADF, "it is closed")
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream: rich draws tables in ASCII where it is no Unicode."""
        return (self._stream.encoding if self._stream else None) or "utf-8"

    def write(self, text: str) -> int:
        """Write text, control characters as escapes."""
        self.write_bare("\n".join(visible(line, keep=_LAYOUT) for line in text.split("\n")))
        return len(text)

    def write_bare(self, text: str) -> None:
        """Write text that moves the cursor on purpose."""
        self._attempt(lambda stream: stream.write(text))

    def write_bytes(self, data: bytes) -> None:
        """Write a document as it is, in the encoding that it has."""

        def write(stream: TextIO) -> None:
            stream.flush()
            stream.buffer.write(data)

        self._attempt(write)

    def flush(self) -> None:
        """Hand on what was written."""
        self._attempt(lambda stream: stream.flush())

    def close(self) -> None:
        """Do nothing: what is written at the very end of the program goes there, too."""

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self._is_terminal

    def fileno(self) -> int:
        """Its descriptor."""
        if self._stream is None:
            raise io.UnsupportedOperation("the stream is closed")
        return self._stream.fileno()

    @property
    def reader_left(self) -> bool:
        """Whether it failed because nobody reads it any more."""
        number = self.trouble.errno if self.trouble else None
        return number == errno.EPIPE or (self._is_terminal and number == errno.EIO)

    def _attempt(self, write: Callable[[TextIO], object]) -> None:
        if self._stream is None or self.trouble:
            return
        try:
            write(self._stream)
        except OSError as trouble:
            self.trouble = trouble
            # What is buffered still goes there, and so does what other processes write.
            _lead_nowhere(self._stream.fileno())


class _Bare:
    """The same stream for a bar, which moves the cursor and cleans its text itself."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.write = stream.write_bare

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def bare(stream: TextIO) -> TextIO:
    """A stream for what moves the cursor on purpose."""
    return cast("TextIO", _Bare(stream)) if isinstance(stream, Stream) else stream


def take_over() -> None:
    """Put streams that cannot fail in the place of the standard ones.

    A standard descriptor that is closed gets /dev/null: otherwise the next file that is opened
    takes its number, and whatever is written to standard error lands in it.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - as in POSIX
    sys.stdout, sys.stderr = Stream(sys.stdout), Stream(sys.stderr)


def document(data: bytes) -> None:
    """Write a whole document to standard output, byte for byte."""
    stream = sys.stdout
    if isinstance(stream, Stream):
        stream.write_bytes(data)
    else:
        stream.flush()
        stream.buffer.write(data)
    stream.flush()


def ended(code: int) -> int:
    """Hand on what is buffered, and return the exit code of the program.

    A result that could not be written is said on standard error. It is a fault (7), unless
    the command ended with another one, its reader left, or nobody wanted it in the first place.
    """
    stdout = sys.stdout
    stdout.flush()
    if isinstance(stdout, Stream) and stdout.trouble and not stdout.reader_left:
        sys.stderr.write(
            f"error: standard output cannot be written to: {stdout.trouble.strerror}\n"
        )
        sys.stderr.write("  next:  the command did its work; have its result written elsewhere\n")
        if stdout.trouble.errno != errno.EBADF:
            code = code or Exit.PROVISIONING
    sys.stderr.flush()
    return code


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

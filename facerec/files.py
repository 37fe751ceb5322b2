"""Files that are there whole or not at all: written under a temporary name, then renamed; by one process at a time."""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what is written there becomes ``path`` when the block ends well.

    After an error the temporary file is gone and an older ``path`` is as it was.

    Args:
        path: of the file; missing folders are made.

    Yields:
        The temporary path. Its suffix is that of ``path``, because some writers look at it.

    Raises:
        ValueError: if ``path`` cannot be a file, see :func:`check_writable`.
    """
    check_writable(path)
    target = Path(path).resolve()  # a link stays one: what it leads to is written
    target.parent.mkdir(parents=True, exist_ok=True)
    short = target.stem[:20]  # a name may be as long as the file system takes
    number = zlib.crc32(os.fsencode(target.name))
    temporary = target.with_name(f".{short}.{number:08x}.{os.getpid()}.partial{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """See that a file can be made, before hours go into what is to be written.

    Raises:
        ValueError: if it is a folder, a device or a pipe, if what should be its folder is a file, or if nothing may be
            written there.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise ValueError(f"{path} is a folder: give the name of a file in it")
    if target.exists() and not target.is_file():
        raise ValueError(f"{path} is no ordinary file and would be replaced by one: give another name")
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if not above.is_dir():
        raise ValueError(f"{path} cannot be made: {above} is a file, not a folder")
    if not os.access(above, os.W_OK):
        raise ValueError(f"{path} cannot be made: nothing may be written in {above}")


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file that nobody ever reads half of.

    Args:
        path: of the file; missing folders are made.
        content: bytes, or text that becomes UTF-8 with the line ends as they are.
    """
    with written_whole(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def held(path: str | Path) -> Iterator[None]:
    """Hold a file, made if it is not there, so that no other process that asks writes it meanwhile.

    Where the system or the file system has no locks, nothing is held.

    Raises:
        ValueError: if another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with Path(path).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{path} is being written by another process: wait for it, or name another file") from None
        except OSError:  # no locks on this file system
            pass
        yield

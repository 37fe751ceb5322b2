"""Files that are there whole or not at all: written under a temporary name, then renamed, by one process at a time.

And the path that a user means by ``~`` or ``$VAR``.
"""

import hashlib
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """A path with ``~`` and ``$VAR`` replaced by what they stand for; what stands for nothing stays.

    Example:
        >>> expanded("~/faces") == expanded("$HOME/faces") == Path.home() / "faces"
        True
    """
    return Path(os.path.expandvars(os.path.expanduser(path)))


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``. When the block ends well, the file written there becomes ``path``.

    After an error the temporary file is removed, and an older ``path`` is as it was.

    Args:
        path: of the file. Missing folders are made.

    Yields:
        The temporary path. Its suffix is that of ``path``, because some writers look at it.

    Raises:
        ValueError: if ``path`` cannot be a file, see :func:`check_writable`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with written_whole(f"{folder}/new.txt") as temporary:
        ...         _ = temporary.write_text("half")
        ...         Path(folder, "new.txt").exists()
        ...     Path(folder, "new.txt").read_text()
        False
        'half'
    """
    check_writable(path)
    target = Path(path).resolve()  # a link stays a link: the file behind it is written
    target.parent.mkdir(parents=True, exist_ok=True)
    short = target.stem[:20]  # a name may be as long as the file system takes
    number = zlib.crc32(os.fsencode(target.name))
    process = f"{os.getpid()}-{secrets.token_hex(4)}"  # two machines may have one number for their processes
    temporary = target.with_name(f".{short}.{number:08x}.{process}.partial{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Refuse a path that cannot become a file, before hours go into its content.

    Raises:
        ValueError: if it is a folder, a device or a pipe, if its folder is a file, or if nothing may be written there.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     check_writable(f"{folder}/deep/metrics.json")
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
    r"""Write a file at once, so that no reader ever finds half of it.

    Args:
        path: of the file. Missing folders are made.
        content: bytes, or text that becomes UTF-8 with the line ends as they are.

    Raises:
        ValueError: if ``path`` cannot be a file, see :func:`check_writable`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_whole(f"{folder}/deep/list.txt", "a.jpg 1\n")
        ...     Path(folder, "deep", "list.txt").read_bytes()
        b'a.jpg 1\n'
    """
    with written_whole(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def checksum(path: str | Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_whole(f"{folder}/a.txt", "abc")
        ...     checksum(f"{folder}/a.txt")[:8]
        'ba7816bf'
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def held(path: str | Path, *, wait: bool = False) -> Iterator[int | None]:
    """Lock a file for this process, against others that call this. A missing file is made.

    Without locks in the system or the file system, nothing is locked.

    Args:
        path: of the file.
        wait: whether to wait until no other process holds it.

    Yields:
        Descriptor of the open file. A child process that inherits it holds the lock as well, until it ends. None
        without locks in the system.

    Raises:
        ValueError: if another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield None
        return
    with Path(path).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ValueError(f"{path} is being written by another process: wait for it, or name another file") from None
        except OSError:  # no locks on this file system
            pass
        yield file.fileno()

"""Zip files from elsewhere: checkpoints and ``.npz``. Each record in them has a checksum, which few readers compare."""

import zipfile
from pathlib import Path

# What numpy may raise for an archive that is damaged, or holds something else
UNREADABLE = (OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, MemoryError, zipfile.BadZipFile)
MOST_PACKED = 100  # a packed file of names and numbers is a few times as large when unpacked


def check_archive(path: str | Path, made_by: str, *, packed: bool = False) -> None:
    """Read a zip file once, and refuse it if it is damaged or would unpack to more than it is.

    It reads some gigabytes a second. ``torch.save`` and ``numpy.savez`` write records as they are, with a checksum.

    Args:
        path: the file.
        made_by: what should have written it, for messages.
        packed: whether records may be packed, as ``numpy.savez_compressed`` does, to a hundredth at most.

    Raises:
        ValueError: naming the file and the damaged record.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", numbers=np.arange(3))
        ...     check_archive(f"{folder}/a.npz", "`facerec enroll`")
    """
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            smaller = next((record for record in records if record.compress_type != zipfile.ZIP_STORED), None)
            if smaller is not None and not packed:
                raise ValueError(f"{path} was not written by {made_by}: it holds the packed record {smaller.filename}")
            most = Path(path).stat().st_size * (MOST_PACKED if packed else 1)
            if sum(record.file_size for record in records) > most:
                raise ValueError(f"{path} was not written by {made_by}: its records are larger than the file")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged, or was not written by {made_by}: {error}") from error
    if damaged is not None:
        raise ValueError(f"{path} is damaged: {damaged} has another checksum than when it was written. Copy it again")

"""Aligns one image of a folder: reads it, aligns it, writes it, and says what became of it."""

import io
import os
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from facerec.align.aligner import NoFaceError
from facerec.data.formats.landmarks import landmark_line
from facerec.data.images import UnreadableImageError, more_formats, read_image
from facerec.files import write_whole
from facerec.preparation.ways import NotListedError, Way

JPEG_QUALITY = 95

Problem = Literal["no face", "not listed", "unreadable", "unusable points", "unusable name"]


class Outcome(NamedTuple):
    """What became of one image.

    Attributes:
        name: of the image, relative to the folder.
        line: its line in the list of landmarks; empty without points.
        faces: number of faces to choose from.
        problem: why there is no aligned image; None if there is one.
        reason: the problem in words.
    """

    name: str
    line: str = ""
    faces: int = 0
    problem: Problem | None = None
    reason: str = ""


class FolderWork(Dataset[Outcome]):
    """Aligns one image for each index. A loader runs it in this process or in others.

    The aligned file bears the time of the image it is made from.

    Args:
        source: folder of the images.
        destination: folder for the aligned images.
        names: of the images, relative to both folders.
        way: how to align.
    """

    def __init__(self, source: Path, destination: Path, names: list[str], way: Way) -> None:
        self.source, self.destination, self.names, self.way = source, destination, names, way

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Outcome:
        name = self.names[index]
        try:
            changed = (self.source / name).stat().st_mtime_ns
            aligned = self.way.align(name, read_image(self.source / name))
        except (UnreadableImageError, FileNotFoundError) as error:
            return self._failed(name, "unreadable", error)
        except NoFaceError as error:
            return self._failed(name, "no face", error)
        except NotListedError as error:
            return self._failed(name, "not listed", error)
        except ValueError as error:
            return self._failed(name, "unusable points", error)
        write_whole(self.destination / name, _file_bytes(aligned.image, name))
        os.utime(self.destination / name, ns=(changed, changed))
        line = "" if aligned.points is None else landmark_line(name, aligned.points.tolist())
        return Outcome(name, line, aligned.faces)

    def _failed(self, name: str, problem: Problem, error: Exception) -> Outcome:
        (self.destination / name).unlink(missing_ok=True)  # of an older image under this name
        return Outcome(name, problem=problem, reason=" ".join(str(error).split()))


def _file_bytes(image_3HW: Tensor, name: str) -> bytes:
    """The content of an image file, in the format that its name asks for."""
    image = Image.fromarray(image_3HW.permute(1, 2, 0).contiguous().numpy())
    suffix = Path(name).suffix.lower()
    more_formats()  # makes their suffixes known to Pillow
    file_format = Image.registered_extensions()[suffix]
    buffer = io.BytesIO()
    if file_format in ("JPEG", "MPO"):
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    elif file_format in ("WEBP", "AVIF", "HEIF"):
        image.save(buffer, file_format, quality=JPEG_QUALITY)
    else:
        image.convert("L" if suffix == ".pgm" else "RGB").save(buffer, file_format)
    return buffer.getvalue()

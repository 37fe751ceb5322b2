"""Position of the face in the image: flips, rotation, zoom, perspective and crops, all in one interpolation.

Positions run from -1 to 1, edge to edge, as in ``F.affine_grid``. Matrices lead from the output to the input.

Shapes: B batch, H height, W width.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.settings import require_interval, require_within
from facerec.transforms.randomness import Draws, Numbers

PERSPECTIVE = tuple(f"perspective_{number}" for number in range(8))


@dataclass(frozen=True)
class Geometry:
    """Moves each image by its own draw; the settings are those of :class:`facerec.transforms.Augment`."""

    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    stretch: float = 0.0
    translate: float = 0.0
    perspective: float = 0.0
    resized_crop: tuple[float, float] = (1.0, 1.0)
    resized_crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        require_within("augment.", 0.0, 1.0, horizontal_flip=self.horizontal_flip, vertical_flip=self.vertical_flip)
        require_within(
            "augment.", 0.0, math.inf, rotation=self.rotation, stretch=self.stretch, translate=self.translate
        )
        require_within("augment.", 0.0, 1.0, high_excluded=True, perspective=self.perspective)  # at 1 the corners meet
        require_interval("augment.", "zoom", scale=self.scale)
        require_interval("augment.", "share of the area", resized_crop=self.resized_crop)
        require_interval("augment.", "ratio of width to height", resized_crop_ratio=self.resized_crop_ratio)
        if self.resized_crop[1] > 1.0:
            raise ValueError(f"augment.resized_crop={self.resized_crop}: a crop keeps at most 1, the whole image")

    @property
    def interpolates(self) -> bool:
        """Whether pixels move to places between pixels. Flips alone do not interpolate."""
        moves = (self.rotation, self.stretch, self.translate, self.scale[0] - 1.0, self.scale[1] - 1.0)
        return any(moves) or self.perspective > 0.0 or self.crops

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`draw` draws."""
        flips = ("horizontal_flip", "vertical_flip")
        if not self.interpolates:
            return flips
        crops = ("resized_crop", "resized_crop_ratio", "resized_crop_x", "resized_crop_y") if self.crops else ()
        corners = PERSPECTIVE if self.perspective else ()
        return (*flips, "rotation", "scale", "stretch", "shift_x", "shift_y", *corners, *crops)

    @property
    def crops(self) -> bool:
        """Whether a random rectangle fills the image."""
        return self.resized_crop != (1.0, 1.0)

    def draw(self, draws: Draws, height: int, width: int) -> Numbers:
        """Where the pixels of images of a size come from."""
        flipped_x_B = draws.happens("horizontal_flip", self.horizontal_flip)
        flipped_y_B = draws.happens("vertical_flip", self.vertical_flip)
        if not self.interpolates:
            return {"flipped_x": flipped_x_B} | ({"flipped_y": flipped_y_B} if self.vertical_flip else {})
        mirror_x_B, mirror_y_B = 1.0 - 2.0 * flipped_x_B.float(), 1.0 - 2.0 * flipped_y_B.float()
        matrix_B23 = self._move(draws, mirror_x_B, mirror_y_B, height, width)
        if not self.perspective and not self.crops:
            return {"warp": matrix_B23}
        matrix_B33 = _square(matrix_B23)
        if self.perspective:
            matrix_B33 = matrix_B33 @ quad_to_matrix(self._corners(draws))
        if self.crops:
            matrix_B33 = matrix_B33 @ self._crop(draws)
        return {"warp": matrix_B33 if self.perspective else matrix_B33[:, :2]}

    def __call__(self, images_BCHW: Tensor, numbers: Numbers) -> Tensor:
        """Move images (B, C, H, W): float, or also uint8 for flips alone.

        Parts from outside the image repeat its edge.
        """
        if self.interpolates:
            return warp(images_BCHW, numbers["warp"])
        images_BCHW = mirror(images_BCHW, numbers["flipped_x"], -1)
        return mirror(images_BCHW, numbers["flipped_y"], -2) if self.vertical_flip else images_BCHW

    def _move(self, draws: Draws, mirror_x_B: Tensor, mirror_y_B: Tensor, height: int, width: int) -> Tensor:
        """The matrix (B, 2, 3) of flip, rotation, zoom, stretch and shift."""
        turn = math.radians(self.rotation)
        angle_B = draws.uniform("rotation", -turn, turn)
        log_low, log_high = math.log(self.scale[0]), math.log(self.scale[1])
        zoom_B = torch.exp(draws.uniform("scale", log_low, log_high))
        stretch_B = torch.exp(draws.uniform("stretch", -0.5, 0.5) * math.log1p(self.stretch))
        # The matrix leads to the input, so zooming in divides; y is measured in heights.
        cos_B, sin_B = torch.cos(angle_B), torch.sin(angle_B)
        row_x = torch.stack([cos_B, -sin_B * height / width], 1) / (zoom_B * stretch_B)[:, None]
        row_y = torch.stack([sin_B * width / height, cos_B], 1) / (zoom_B / stretch_B)[:, None]
        matrix_B22 = torch.stack([row_x * mirror_x_B[:, None], row_y * mirror_y_B[:, None]], 1)
        shift_B2 = torch.stack([draws.uniform("shift_x", -1, 1), draws.uniform("shift_y", -1, 1)], 1)
        return torch.cat([matrix_B22, (2.0 * self.translate * shift_B2)[:, :, None]], 2)

    def _corners(self, draws: Draws) -> Tensor:
        """Points inside the image that the corners of the output look at, clockwise from the top left: (B, 4, 2)."""
        inward_B8 = [draws.uniform(name, 0.0, self.perspective) for name in PERSPECTIVE]
        corners_42 = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        return corners_42 * (1.0 - torch.stack(inward_B8, 1).reshape(-1, 4, 2))

    def _crop(self, draws: Draws) -> Tensor:
        """The matrix (B, 3, 3) of a random rectangle."""
        area_B = draws.uniform("resized_crop", *self.resized_crop)
        low, high = (math.log(ratio) for ratio in self.resized_crop_ratio)
        ratio_B = torch.exp(draws.uniform("resized_crop_ratio", low, high))
        ratio_B = ratio_B.clamp(area_B, 1.0 / area_B)  # so that a rectangle of this area fits into the image
        width_B, height_B = torch.sqrt(area_B * ratio_B), torch.sqrt(area_B / ratio_B)
        x_B = draws.uniform("resized_crop_x", -1, 1) * (1.0 - width_B)
        y_B = draws.uniform("resized_crop_y", -1, 1) * (1.0 - height_B)
        zero_B = torch.zeros_like(x_B)
        rows = [torch.stack([width_B, zero_B, x_B], 1), torch.stack([zero_B, height_B, y_B], 1)]
        return _square(torch.stack(rows, 1))


def mirror(images_BCHW: Tensor, chosen_B: Tensor, side: int) -> Tensor:
    """Mirror the chosen images: ``side`` -1 swaps left and right, -2 top and bottom."""
    if images_BCHW.device.type != "cpu" or torch.compiler.is_compiling():  # to look up some would wait for the device
        return torch.where(chosen_B[:, None, None, None], images_BCHW.flip(side), images_BCHW)
    mirrored_BCHW = images_BCHW.clone()
    for place in chosen_B.nonzero()[:, 0].tolist():  # one at a time stays in the cache: half the time of all at once
        mirrored_BCHW[place] = images_BCHW[place].flip(side)
    return mirrored_BCHW


def affine_grid(matrix_B23: Tensor, height: int, width: int) -> Tensor:
    """``F.affine_grid`` with ``align_corners=False`` (B, H, W, 2), as two planes: a tenth of its time."""
    x_W = torch.arange(0.5, width, device=matrix_B23.device) * (2.0 / width) - 1.0
    y_H = torch.arange(0.5, height, device=matrix_B23.device) * (2.0 / height) - 1.0
    rows_B2H = matrix_B23[:, :, 1:2] * y_H + matrix_B23[:, :, 2:]
    columns_B2W = matrix_B23[:, :, 0:1] * x_W
    return (rows_B2H[:, :, :, None] + columns_B2W[:, :, None, :]).permute(0, 2, 3, 1)


def _square(matrix_B23: Tensor) -> Tensor:
    """An affine matrix with its last row: (B, 3, 3)."""
    last_B13 = matrix_B23.new_tensor([0.0, 0.0, 1.0]).expand(len(matrix_B23), 1, 3)
    return torch.cat([matrix_B23, last_B13], 1)


def quad_to_matrix(corners_B42: Tensor) -> Tensor:
    """The perspective (B, 3, 3) that leads the corners of the image, clockwise from (-1, -1), to the given points.

    Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989, section 2.2.3: a closed form, without a solver.
    """
    x_B4, y_B4 = corners_B42.unbind(2)
    dx1, dx2 = x_B4[:, 1] - x_B4[:, 2], x_B4[:, 3] - x_B4[:, 2]
    dy1, dy2 = y_B4[:, 1] - y_B4[:, 2], y_B4[:, 3] - y_B4[:, 2]
    sum_x, sum_y = x_B4[:, 0] - x_B4[:, 3] - dx1, y_B4[:, 0] - y_B4[:, 3] - dy1
    area = dx1 * dy2 - dx2 * dy1
    g, h = (sum_x * dy2 - dx2 * sum_y) / area, (dx1 * sum_y - sum_x * dy1) / area
    rows = [
        torch.stack([p[:, 1] - p[:, 0] + g * p[:, 1], p[:, 3] - p[:, 0] + h * p[:, 3], p[:, 0]], 1)
        for p in (x_B4, y_B4)
    ]
    from_unit_square = torch.stack([*rows, torch.stack([g, h, torch.ones_like(g)], 1)], 1)
    to_unit_square = corners_B42.new_tensor([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    return from_unit_square @ to_unit_square


def warp(images_BCHW: Tensor, matrix: Tensor, padding_mode: str = "border") -> Tensor:
    """Warp images by an affine (B, 2, 3) or a perspective (B, 3, 3) matrix, bilinearly."""
    height, width = images_BCHW.shape[-2:]
    grid_BHW2 = affine_grid(matrix[:, :2], height, width)
    if matrix.shape[1] == 3:
        grid_BHW2 = grid_BHW2 / affine_grid(matrix[:, 2:].expand(-1, 2, 3), height, width)
    return F.grid_sample(images_BCHW, grid_BHW2, mode="bilinear", padding_mode=padding_mode, align_corners=False)

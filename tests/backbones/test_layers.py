"""The shared pieces, each against its definition."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from facerec.backbones.layers import LayerNorm2d, LayerScale, SqueezeExcite, round_channels


def test_squeeze_excite_is_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    layer, maps = SqueezeExcite(8, 2), torch.randn(3, 8, 5, 5)
    for image, out in zip(maps, layer(maps), strict=True):
        z = torch.stack([channel.sum() / 25 for channel in image])
        hidden = (layer.squeeze.weight @ z + layer.squeeze.bias).clamp(min=0)
        gate = 1 / (1 + torch.exp(-(layer.excite.weight @ hidden + layer.excite.bias)))
        torch.testing.assert_close(out, torch.stack([c * g for c, g in zip(image, gate, strict=True)]))


def test_layer_norm_and_layer_scale_work_per_position() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 6, 3, 3)
    out = LayerNorm2d(6)(maps)
    torch.testing.assert_close(out.mean(1), torch.zeros(2, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(out.var(1, unbiased=False), torch.ones(2, 3, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(LayerScale(6, 0.5)(maps.permute(0, 2, 3, 1)), maps.permute(0, 2, 3, 1) / 2)


@given(st.floats(min_value=0.5, max_value=4096))
def test_round_channels_gives_a_near_multiple_of_eight(channels: float) -> None:
    rounded = round_channels(channels)
    assert rounded % 8 == 0
    assert rounded >= max(8, 0.9 * channels)
    assert rounded <= max(8, channels + 8)

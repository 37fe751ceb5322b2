"""PReLU against torch's, and its gradients against those of float64."""

import pytest
import torch
from torch import Tensor, nn

from facerec.backbones import IResNet, MobileFaceNet, SphereNet
from facerec.backbones.prelu import PReLU

CHANNELS = 5


def maps_of(kind: torch.dtype, memory_format: torch.memory_format = torch.channels_last) -> Tensor:
    """Some above 0, some below, some 0."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(4, CHANNELS, 7, 6, generator=generator, dtype=torch.float64)
    maps[:, :, 0] = 0.0
    return maps.to(kind).contiguous(memory_format=memory_format).requires_grad_()


def slopes_of(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        module.weight.copy_(torch.tensor([0.25, -0.3, 0.0, 1.7, 0.1234567]))
    return module


def run(module: nn.Module, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Values, and gradients of maps and of slopes."""
    values = module(maps)
    weights = torch.linspace(-1, 2, values.numel()).reshape(values.shape).to(values.dtype)
    (values * weights).sum().backward()
    return values.detach(), maps.grad, module.weight.grad


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
def test_values_and_gradients_are_those_of_torch(kind, memory_format):
    ours = run(slopes_of(PReLU(CHANNELS)).to(kind), maps_of(kind, memory_format))
    theirs = run(slopes_of(nn.PReLU(CHANNELS)).to(kind), maps_of(kind, memory_format))
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    assert ours[2].dtype == kind
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}[kind]
    torch.testing.assert_close(ours[2], theirs[2], rtol=tolerance, atol=tolerance)


def test_autocast_computes_in_bfloat16_as_torch_does():
    found = []
    for kind in (PReLU, nn.PReLU):
        with torch.autocast("cpu", torch.bfloat16):
            found.append(run(slopes_of(kind(CHANNELS)), maps_of(torch.float32)))
    ours, theirs = found
    assert ours[0].dtype == theirs[0].dtype == torch.bfloat16
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    assert ours[2].dtype == torch.float32


def test_slopes_of_bfloat16_are_nearer_to_float64_than_those_of_torch():
    maps = torch.randn(8, 16, 40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    maps = maps.to(torch.bfloat16)
    weights = torch.randn(maps.shape, generator=torch.Generator().manual_seed(2)).to(torch.bfloat16)
    exact = (weights.double() * maps.double().clamp(max=0)).sum(dim=(0, 2, 3))
    errors = []
    for kind in (PReLU, nn.PReLU):
        module = kind(16)
        with torch.autocast("cpu", torch.bfloat16):
            values = module(maps)
        values.backward(weights)
        errors.append(float((module.weight.grad.double() - exact).abs().mean()))
    assert errors[0] < errors[1]


def test_gradients_are_those_of_finite_differences():
    module = slopes_of(PReLU(CHANNELS)).double()
    maps = torch.randn(2, CHANNELS, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert maps.abs().min() > 1e-4, "away from the kink"
    maps.requires_grad_()

    def values(maps: Tensor, slopes: Tensor) -> Tensor:
        return torch.func.functional_call(module, {"weight": slopes}, (maps,))

    assert torch.autograd.gradcheck(values, (maps, module.weight))
    assert torch.autograd.gradgradcheck(values, (maps, module.weight))


def test_gradients_of_each_image_by_vmap():
    module, maps = slopes_of(PReLU(CHANNELS)), maps_of(torch.float32).detach()

    def total(slopes: Tensor, image: Tensor) -> Tensor:
        return torch.func.functional_call(module, {"weight": slopes}, (image[None],)).square().sum()

    slopes = module.weight.detach()
    together = torch.func.vmap(torch.func.grad(total), in_dims=(None, 0))(slopes, maps)
    alone = torch.stack([torch.func.grad(total)(slopes, image) for image in maps])
    torch.testing.assert_close(together, alone)


def test_embeddings_of_two_dimensions():
    maps = torch.randn(3, CHANNELS)
    assert torch.equal(slopes_of(PReLU(CHANNELS))(maps), slopes_of(nn.PReLU(CHANNELS))(maps))


@pytest.mark.parametrize(
    "network", [IResNet(18, width=4), MobileFaceNet(), SphereNet(4, width=4)], ids=lambda net: type(net).__name__
)
def test_face_networks_have_it(network):
    kinds = {type(module) for module in network.modules() if isinstance(module, nn.PReLU)}
    assert kinds == {PReLU}

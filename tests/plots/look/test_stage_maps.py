"""The maps of stages against the network's own parts, run one by one."""

import pytest
import torch

from facerec.backbones import ResNet, SphereNet, TimmBackbone
from facerec.plots.look.stage_maps import stage_maps, watched_stages

IMAGE = torch.rand(3, 32, 24, generator=torch.Generator().manual_seed(0))


def test_maps_are_those_of_the_parts_one_by_one():
    backbone = ResNet(18, embedding_dim=8, width=4).eval()
    maps = stage_maps(backbone, IMAGE)
    reached = IMAGE[None]
    for name, part in list(backbone.parts().items())[:-1]:
        reached = part(reached.clone())
        torch.testing.assert_close(maps.pop(name), reached[0].detach())
    assert not maps


def test_watching_changes_no_embedding_and_reaches_the_gradient():
    backbone = ResNet(18, embedding_dim=8, width=4).eval().requires_grad_(False)
    expected = backbone(IMAGE[None])
    with watched_stages(backbone) as maps:
        embeddings = backbone(IMAGE[None])
        backbone(IMAGE[None])
    torch.testing.assert_close(embeddings, expected, rtol=0, atol=0)
    assert {len(passes) for passes in maps.values()} == {2}
    [gradient] = torch.autograd.grad(embeddings.sum(), maps["stage4"][0])
    feature = maps["stage4"][0].detach().requires_grad_()
    [reference] = torch.autograd.grad(backbone.head(feature).sum(), feature)
    torch.testing.assert_close(gradient, reference)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_resnet", {"layer1", "layer2", "layer3", "layer4"}),
        ("test_convnext", {"stages"}),
        ("test_mambaout", {"stages"}),
        ("test_vit", set()),
    ],
)
def test_stages_of_other_networks_are_the_last_parts_of_each_size(name, expected):
    backbone = TimmBackbone(name, embedding_dim=8).eval()
    height, width = backbone.image_size or (96, 64)
    maps = stage_maps(backbone, torch.rand(3, height, width))
    sizes = [tuple(one.shape[1:]) for one in maps.values()]
    assert len(set(sizes)) == len(sizes)
    assert sizes == sorted(sizes, reverse=True)
    assert expected <= {key.partition(".")[0] for key in maps}
    assert bool(maps) == bool(expected)
    for rows, columns in sizes:
        assert abs(rows / columns - height / width) < 0.3, "channels would be taken for places"


def test_a_part_that_passes_the_image_on_is_no_stage():
    assert list(stage_maps(SphereNet(4, embedding_dim=8, width=4).eval(), torch.rand(3, 112, 112))) == [
        f"stage{number}" for number in (1, 2, 3, 4)
    ]

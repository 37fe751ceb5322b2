"""What every device must compute alike: augmentations, losses and networks of facerec, with fixed seeds."""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from facerec.backbones import Backbone, EmbeddingHead, MobileFaceNet, ResNet
from facerec.backbones.folding import fold_for_use
from facerec.checkup.agreement import AUTOCAST, CPU, EXACT, Arithmetic, Case, Place
from facerec.losses import UCE, AdaFace, ArcFace, Circle, Loss, Softmax, SupCon, Triplet
from facerec.transforms import Augment

IMAGES, PEOPLE, DIM = 8, 50, 64
LOSSES = (Softmax, ArcFace, AdaFace, UCE, Triplet, SupCon, Circle)
# Seen on CPUs: 2e-6 in float32, 2e-2 in bfloat16. TF32 and float16 round 8 times as finely as bfloat16.
VALUES: Mapping[Arithmetic, float] = {"float32": 1e-4, "TF32": 2e-2, "float16": 2e-2, "bfloat16": 1e-1}
# Seen on CPUs: 2e-5 in float32, 0.2 in bfloat16. Zeros are off by 1.
GRADIENTS: Mapping[Arithmetic, float] = {"float32": 1e-3, "TF32": 1e-1, "float16": 1e-1, "bfloat16": 5e-1}
# Numbers that no arithmetic rounds; only a sum, the gradient of a slope, is rounded once.
KINKS: Mapping[Arithmetic, float] = {"float32": 1e-6, "TF32": 1e-6, "float16": 1e-2, "bfloat16": 1e-2}
IN_FLOAT32: Mapping[Arithmetic, float] = {"float32": 1e-4}  # whatever the precision of the training
# The draws are exact. Of the pixels at an edge some fall on its other side.
PIXELS: Mapping[Arithmetic, float] = {"float32": 1e-2}
AUGMENT = {
    "rotation": 10.0,
    "scale": (0.9, 1.1),
    "translate": 0.05,
    "perspective": 0.1,
    "resized_crop": (0.8, 1.0),
    "brightness": 0.2,
    "contrast": 0.2,
    "gamma": 0.2,
    "saturation": 0.2,
    "hue": 0.02,
    "light_gradient": 0.2,
    "grayscale": 0.2,
    "blur": 0.5,
    "noise": 0.05,
    "erasing": 0.5,
}


def all_cases(*, quick: bool = False) -> list[Case]:
    """Cases for a table: every augmentation, losses of each kind, kinks, and networks of each kind of convolution.

    Args:
        quick: leave out the networks but the smallest.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        narrow = ResNet(18, embedding_dim=16, width=6)  # its shortcuts are narrow, see facerec.backbones.narrow
        cases = [augmentation_case(), *(loss_case(kind()) for kind in LOSSES), kinks_case()]
        cases.append(network_case("narrow ResNet-18", narrow))
        if not quick:
            resnet = ResNet(18, 128, width=32, stem="paper", head=EmbeddingHead("flatten"))  # of the default run
            cases.append(network_case("ResNet-18", resnet, (112, 112)))
            cases.append(network_case("MobileFaceNet", MobileFaceNet(), (112, 112)))
    return cases


def augmentation_case() -> Case:
    """Every augmentation at once, all draws included."""
    augment = Augment(**AUGMENT)  # type: ignore[arg-type]
    images_BCHW = random_bytes(IMAGES, (112, 112))

    def compute(place: Place) -> dict[str, Sequence[Tensor]]:
        indices_B = torch.arange(IMAGES)
        return {"": [augment(images_BCHW.to(place.device), seed=0, epoch=3, indices_B=indices_B)]}

    return Case("augmentation", compute, {"": PIXELS}, reference=CPU)


def loss_case(loss: Loss) -> Case:
    """Value of a loss, and its gradients with respect to embeddings and class weights."""
    loss.build(DIM, PEOPLE).train()
    embeddings_BD = torch.randn(4 * IMAGES, DIM)
    labels_B = torch.arange(4 * IMAGES) // 4

    def compute(place: Place) -> dict[str, Sequence[Tensor]]:
        own = copy.deepcopy(loss).to(place.device, place.dtype)
        own_BD = embeddings_BD.to(place.device, place.dtype, copy=True).requires_grad_()
        value = own(own_BD, labels_B.to(place.device))
        value.backward()
        assert own_BD.grad is not None
        weights = [weight.grad for weight in own.parameters() if weight.grad is not None]
        return {"": [value, own_BD.grad, *weights]}

    return Case(f"loss {type(loss).__name__}", compute, {"": IN_FLOAT32})


def kinks_case() -> Case:
    """Activations and pooling with a kink, far from it: maps and gradients that no arithmetic rounds.

    :func:`network_case` puts smooth functions in their place, so they are compared here.
    """
    side, channels = 12, 4
    orders = [torch.randperm(side**2) for _ in range(IMAGES * channels)]
    maps_BCHW = torch.stack(orders).view(IMAGES, channels, side, side) - 127.5  # to 15.5: bfloat16 has 8 bits
    pooling, activations = nn.MaxPool2d(3, 2, 1), nn.ModuleList([nn.ReLU(), nn.ReLU6(), nn.PReLU(channels)])
    signs_BCHW = 2.0 * torch.randint(0, 2, (IMAGES, len(activations) * channels, side // 2, side // 2)) - 1.0

    def compute(place: Place) -> dict[str, Sequence[Tensor]]:
        dtype = AUTOCAST.get(place.arithmetic, place.dtype)
        own = copy.deepcopy(activations).to(place.device, dtype)
        maps = maps_BCHW.to(place.device, dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
        pooled = pooling(maps)
        results_BCHW = torch.cat([activation(pooled) for activation in own], dim=1)
        (results_BCHW * signs_BCHW.to(place.device, dtype)).sum().backward()  # type: ignore[no-untyped-call]
        assert maps.grad is not None
        return {"": [results_BCHW, maps.grad, *(slope.grad for slope in own.parameters() if slope.grad is not None)]}

    return Case("kinks", compute, {"": KINKS})


def network_case(name: str, backbone: Backbone, image_size: tuple[int, int] = (32, 32)) -> Case:
    """Embeddings of a network, those of its folded copy, and the gradients of its weights in training.

    Gradients are those of a copy without kinks. At a kink rounding alone changes a gradient: a ReLU by 10 % in a small
    network, and one window of a max pooling with two values alike by 0.1 % in a ResNet-18.

    Args:
        name: for the table.
        backbone: without dropout, which devices draw differently.
        image_size: (height, width) of its images.
    """
    backbone.build(image_size)
    _randomise_norms(backbone)
    smooth = _without_kinks(backbone)
    images_BCHW = random_bytes(IMAGES, image_size) / 127.5 - 1.0
    direction_BD = torch.randn(IMAGES, backbone.embedding_dim)

    def compute(place: Place) -> dict[str, Sequence[Tensor]]:
        layout = torch.contiguous_format if place == EXACT else torch.channels_last  # as in training
        own, trained = (copy.deepcopy(network).to(place.device, place.dtype) for network in (backbone.eval(), smooth))
        images = images_BCHW.to(place.device, place.dtype).contiguous(memory_format=layout)
        folded = fold_for_use(own, image_size, layout)
        with torch.no_grad(), place.autocast():
            embeddings = [network(images) for network in (own.to(memory_format=layout), folded)]
        with place.autocast():
            output_BD = trained.train().to(memory_format=layout)(images)
        (output_BD.to(place.dtype) * direction_BD.to(place.device, place.dtype)).sum().backward()
        gradients = torch.cat([weight.grad.flatten() for weight in trained.parameters() if weight.grad is not None])
        return {"embeddings": embeddings[:1], "folded": embeddings[1:], "gradients": [gradients]}

    return Case(name, compute, {"embeddings": VALUES, "folded": VALUES, "gradients": GRADIENTS})


def _randomise_norms(network: nn.Module) -> None:
    """Give batch normalisations gains, shifts and statistics as after a training; at first many do nothing."""
    for norm in network.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            for positive in (norm.weight, norm.running_var):
                nn.init.uniform_(positive, 0.5, 1.5)
            for signed in (norm.bias, norm.running_mean):
                nn.init.normal_(signed, std=0.1)


def _without_kinks(network: Backbone) -> Backbone:
    """A copy with SiLU in place of activations that have a kink, and the mean in place of the maximum."""
    smooth = copy.deepcopy(network)
    for parent in list(smooth.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (nn.ReLU, nn.ReLU6, nn.PReLU)):
                setattr(parent, name, nn.SiLU())
            elif isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    return smooth


def random_bytes(count: int, image_size: tuple[int, int]) -> Tensor:
    """Images (count, 3, H, W), uint8, with more to them than noise: what pixels show changes slowly."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, image_size, mode="bilinear", align_corners=False)
    noise = torch.rand(count, 3, *image_size, generator=generator)
    return ((0.9 * smooth + 0.1 * noise) * 255.0).to(torch.uint8)

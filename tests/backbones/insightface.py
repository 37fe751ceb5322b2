"""insightface's network, written out with insightface's names."""

from torch import Tensor, nn


class TheirBlock(nn.Module):
    """insightface's improved block, with its names."""

    def __init__(self, narrow: int, wide: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv1 = nn.Conv2d(narrow, wide, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.prelu = nn.PReLU(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(narrow, wide, 1, stride, bias=False), nn.BatchNorm2d(wide))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return out + (x if self.downsample is None else self.downsample(x))


class TheirIResNet(nn.Module):
    """insightface's network, with its names, for images of 112x112."""

    def __init__(self, blocks: tuple[int, ...] = (2, 2, 2, 2), width: int = 8, embedding_dim: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        narrow = width
        for stage, count in enumerate(blocks):
            wide = width * 2**stage
            rest = [TheirBlock(wide, wide, 1) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(TheirBlock(narrow, wide, 2), *rest))
            narrow = wide
        self.bn2 = nn.BatchNorm2d(narrow)
        self.fc = nn.Linear(narrow * 7 * 7, embedding_dim)
        self.features = nn.BatchNorm1d(embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(self.bn2(x).flatten(1)))

"""The prepared copy gives the same scores, leaves the model alone, and is gone when the model changes."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models as torchvision_models

from tests.networks import NETWORKS, statistics
from tests.traces import Record
from tests.zoo import ZOO, picture, seeded, trained_statistics
from xai_widget.engine import Runner, runner_for, store_for
from xai_widget.engine.folding import NORMS
from xai_widget.engine.onednn import MultiheadAttention
from xai_widget.engine.runner import REPAID

# Batch norms left: what stands behind a convolution alone is folded, what stands before one is not.
LEFT = {"densenet": 9}
UNPREPARED = {"bfloat16"}


def runner_of(model: Any, **binding: Any) -> Runner:
    store = store_for(model)
    store.refresh()
    return runner_for(model, store, **binding)


def scores(runner: Runner, x: Tensor) -> Tensor:
    with runner.session(grad=False):
        return runner.raw(runner.place(x)).clone()


def norms(runner: Runner) -> int:
    assert runner.module is not None
    return sum(type(module) in NORMS for module in runner.module.modules())


def worst(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_give_the_same_scores(name: str) -> None:
    network = NETWORKS[name]
    model = network.model()
    before = Record(model)
    plain = runner_of(model, forward=network.forward)
    prepared = plain.prepared(network.picture())
    assert (prepared is plain) == (name in UNPREPARED)
    assert norms(prepared) == (norms(plain) if name in UNPREPARED else LEFT.get(name, 0))
    others = torch.cat([network.picture(seed) for seed in range(1, 4)])
    assert worst(scores(prepared, others), scores(plain, others)) < 1e-4
    before.assert_same(model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "left"),
    [
        pytest.param(torchvision_models.vgg11_bn, 0, id="vgg11_bn"),
        pytest.param(torchvision_models.mobilenet_v2, 0, id="mobilenet_v2"),
        pytest.param(
            lambda **more: torchvision_models.googlenet(aux_logits=False, init_weights=False, **more), 0, id="googlenet"
        ),
        pytest.param(torchvision_models.shufflenet_v2_x0_5, 0, id="shufflenet"),
        pytest.param(torchvision_models.densenet121, 62, id="densenet121"),
        pytest.param(torchvision_models.efficientnet_b0, 0, id="efficientnet_b0"),
        pytest.param(torchvision_models.mnasnet0_5, 0, id="mnasnet"),
    ],
)
def test_torchvisions_own_networks_are_folded(build: Callable[..., nn.Module], left: int) -> None:
    model = seeded(lambda: build(weights=None, num_classes=5)).eval()
    plain = runner_of(model)
    prepared = plain.prepared(torch.stack([picture(0, 64)]))
    assert norms(prepared) == left
    x = torch.stack([picture(seed, 64) for seed in (1, 2)])
    assert worst(scores(prepared, x), scores(plain, x)) < 1e-4


def test_a_volume_network_of_monai_is_folded() -> None:
    nets = pytest.importorskip("monai.networks.nets")
    build = lambda: nets.DenseNet(3, 1, 3, init_features=8, growth_rate=4, block_config=(2, 2))  # noqa: E731
    x = torch.stack([torch.randn(1, 16, 16, 16, generator=torch.Generator().manual_seed(seed)) for seed in range(4)])
    plain = runner_of(statistics(seeded(build), x))
    prepared = plain.prepared(x)
    assert norms(prepared) < norms(plain)
    assert worst(scores(prepared, x), scores(plain, x)) < 1e-4


# -- which norms are folded -------------------------------------------------------------------------------------------


class Pieces(nn.Module):
    """Ends every chain of layers in one score."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)

    def chain(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.chain(x).relu().mean((2, 3))


class Untraceable(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        return super().chain(x) if float(x.sum()) > -1e9 else x


class ReadTwice(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return self.norm(out) + 0.5 * out


class ReadLater(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return torch.cat([self.norm(out), out], 1)


class BehindRelu(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu_())


class NormTwice(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        return self.norm(self.norm(self.conv(x)))


class ConvolutionTwice(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.conv(x).relu()


class BothTwice(Pieces):
    def chain(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.norm(self.conv(x.flip(-1)))


class BatchStatistics(Pieces):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)


class WeightNormed(Pieces):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.utils.weight_norm(self.conv)


class Parametrised(Pieces):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.utils.parametrizations.weight_norm(self.conv)


class Transposed(Pieces):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(3, 6, 3, stride=2)
        self.more = nn.ConvTranspose2d(6, 4, 3, groups=2)
        self.middle = nn.BatchNorm2d(6)

    def chain(self, x: Tensor) -> Tensor:
        return self.norm(self.more(self.middle(self.conv(x)).relu()))


class Vectors(Pieces):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.flat = nn.Linear(4, 6), nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.flat(self.fc(super().forward(x)))


class Sequences(Pieces):
    """A batch norm whose channels are the tokens of a linear layer's output: not the layer's features."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.flat = nn.Linear(16, 16), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.flat(self.fc(self.conv(x).mean(2))).mean(2)


class Viewing(Pieces):
    """Wants its features to lie one channel after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4 * 16 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.chain(x).view(len(x), -1))


class Borrowing(Pieces):
    """Reads the weights of a layer past its forward."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + functional.conv2d(x, self.conv.weight).mean((2, 3))


FOLDED = {Pieces: 1, Untraceable: 1, BothTwice: 1, Transposed: 2, Vectors: 2, Viewing: 1}
KEPT = (ReadTwice, ReadLater, BehindRelu, NormTwice, ConvolutionTwice, BatchStatistics, WeightNormed, Parametrised,
        Sequences)  # fmt: skip


@pytest.mark.parametrize("kind", [*FOLDED, *KEPT, Borrowing])
def test_a_norm_is_folded_where_it_alone_reads_the_layer(kind: type[Pieces]) -> None:
    model = seeded(kind).eval()
    if kind is not BatchStatistics:
        statistics(model, *(picture(seed)[None] for seed in range(4)))
    plain = runner_of(model)
    prepared = plain.prepared(picture(0)[None])
    x = torch.stack([picture(seed) for seed in range(3)])
    assert norms(plain) - norms(prepared) == FOLDED.get(kind, 0)
    assert worst(scores(prepared, x), scores(plain, x)) < 1e-5


def test_features_that_are_viewed_keep_their_layout() -> None:
    model = trained_statistics(seeded(Viewing)).eval()
    assert runner_of(model).prepared(picture(0)[None]).layout == torch.preserve_format
    assert runner_of(ZOO["plain"]()).prepared(picture(0)[None]).layout == torch.channels_last


# -- where there is none ----------------------------------------------------------------------------------------------


def test_what_cannot_be_prepared_runs_as_it_is() -> None:
    scripted = torch.jit.script(ZOO["plain"]())
    for model in (lambda x: x.flatten(1)[:, :3], scripted, seeded(lambda: nn.Linear(4, 2)), ZOO["uncopyable"]()):
        plain = runner_of(model)
        x = torch.randn(1, 4) if isinstance(model, nn.Linear) else picture(0)[None]
        prepared = plain.prepared(x)
        assert worst(scores(prepared, x), scores(plain, x)) < 1e-6
    assert runner_of(scripted).prepared(picture(0)[None]).network is runner_of(scripted).network


def test_a_network_that_draws_at_random_is_refused() -> None:
    class Drawing(Pieces):
        def forward(self, x: Tensor) -> Tensor:
            return functional.dropout(super().forward(x).repeat(1, 20), 0.5, training=True)

    plain = runner_of(seeded(Drawing).eval())
    assert plain.prepared(picture(0)[None]) is plain


def test_a_transformers_copy_has_its_projections_computed_by_onednn() -> None:
    network = NETWORKS["vit"]
    prepared = runner_of(network.model()).prepared(network.picture())
    assert prepared.module is not None
    attention = [type(module) for module in prepared.module.modules() if isinstance(module, nn.MultiheadAttention)]
    assert attention
    assert set(attention) == {MultiheadAttention}


def test_a_few_passes_make_no_copy_and_use_one_that_is_there() -> None:
    plain = runner_of(ZOO["plain"]())
    x = picture(0)[None]
    assert plain.prepared(x, REPAID - 1) is plain
    made = plain.prepared(x, REPAID)
    assert plain.prepared(x, 1).network is made.network


# -- a life -----------------------------------------------------------------------------------------------------------


def test_a_changed_model_gets_a_new_copy() -> None:
    model = ZOO["plain"]()
    x = picture(0)[None]
    first = runner_of(model).prepared(x)
    assert runner_of(model).prepared(x).network is first.network
    model.norm.weight.data[0] *= 3  # no version counter sees this
    plain = runner_of(model)
    second = plain.prepared(x)
    assert second.network is not first.network
    assert worst(scores(second, x), scores(plain, x)) < 1e-6
    assert worst(scores(first, x), scores(plain, x)) > 1e-3


def test_training_beside_a_copy_is_as_without_it_and_makes_a_new_one() -> None:
    model, alone = ZOO["train mode"](), ZOO["train mode"]()
    x, y = torch.stack([picture(seed) for seed in range(4)]), torch.arange(4)
    prepared = runner_of(model).prepared(x)
    before = scores(prepared, x)

    def step(net: nn.Module) -> None:
        optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
        functional.cross_entropy(net(x), y).backward()
        optimiser.step()

    thread = threading.Thread(target=step, args=(model,))
    thread.start()
    thread.join()
    step(alone)
    for name, parameter in alone.named_parameters():
        assert torch.equal(dict(model.named_parameters())[name], parameter), name
    again = runner_of(model)
    assert worst(scores(again.prepared(x), x), scores(again, x)) < 1e-5
    assert worst(scores(again, x), before) > 1e-3


def test_memory_holds_what_is_not_shared_and_goes_with_the_version() -> None:
    model = seeded(lambda: nn.Sequential(NETWORKS["resnet"].model(), nn.Linear(5, 100_000))).eval()
    prepared = runner_of(model).prepared(NETWORKS["resnet"].picture())
    store = store_for(model)
    assert prepared.module is not None
    assert prepared.module[1].weight.data_ptr() == model[1].weight.data_ptr()
    assert len(store.held()) == 1
    model[1].weight.data[0] += 1
    store.refresh()
    assert not store.held()

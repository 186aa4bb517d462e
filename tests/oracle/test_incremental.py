"""Incremental occlusion against the plain path: what a window changes is computed, and nothing else is different."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from tests.networks import NETWORKS, statistics
from tests.zoo import seeded
from xai_widget import explain
from xai_widget.binding import Binding
from xai_widget.engine import variants
from xai_widget.engine.edits import Boxes, fill_for
from xai_widget.engine.incremental import Incremental, Plan, driver, plan_for, running
from xai_widget.engine.incremental.running import Windows
from xai_widget.explainers import build_method
from xai_widget.inputs import read_input
from xai_widget.models import logits_from
from xai_widget.session import Session

WINDOWS = 7


def windows(size: tuple[int, ...], window: int, count: int = WINDOWS, seed: int = 0) -> Boxes:
    """Windows at random places, the two outermost corners among them."""
    last = np.array(size) - window
    origin = np.random.default_rng(seed).integers(0, last + 1, (count, len(size)))
    origin[0], origin[-1] = 0, last
    return Boxes(origin, (window,) * len(size), 0.5)


def planned(network: nn.Module, inputs: Tensor) -> Plan:
    plan = plan_for(network, inputs)
    assert plan is not None
    return plan


@torch.no_grad()
def assert_exact(network: nn.Module, inputs: Tensor, edits: Boxes, mask: Tensor | None = None) -> Plan:
    """Compare all windows, in one batch and in two, beside the scores and beside what the windows change."""
    plan, fill = planned(network, inputs), fill_for(inputs, edits.fill)
    buffer = inputs.new_empty((len(edits), *inputs.shape))
    edits.write(buffer, inputs, fill, 0, mask)
    rows = len(edits) * len(inputs)
    expected = logits_from(network(buffer.flatten(0, 1)), rows).reshape(len(edits), len(inputs), -1)
    clean = logits_from(network(inputs), len(inputs))
    effect = (expected - clean).abs().max()
    run = Incremental(plan, inputs, edits)
    half = len(edits) // 2
    parts = [run.logits(0, half, fill, mask), run.logits(half, len(edits) - half, fill, mask)]
    for found in (run.logits(0, len(edits), fill, mask), torch.cat(parts)):
        error = (found - expected).abs().max()
        assert effect > 1e-4 * expected.abs().max(), "the windows must change something"
        assert error <= 1e-4 * effect + 1e-6 * expected.abs().max()
    return plan


def zoo(name: str, side: int | tuple[int, ...] = 64, channels: int = 3, **options: Any) -> Any:
    from torchvision import models

    build = models
    for part in name.split("."):
        build = getattr(build, part)
    size = (side, side) if isinstance(side, int) else side
    pictures = [torch.randn(1, channels, *size, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return statistics(seeded(lambda: build(**options)), *pictures), torch.cat(pictures)


@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if network.forward is None])
def test_the_zoo_in_small(name: str) -> None:
    network = NETWORKS[name]
    model, inputs = network.model().float(), torch.cat([network.picture(0), network.picture(1)])
    if name == "data parallel":
        assert plan_for(model, inputs) is None
        return
    assert_exact(model, inputs, windows(network.shape[1:], max(2, network.shape[-1] // 6)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side", "options"),
    [
        ("resnet18", (64, 97), {}),
        ("vgg11_bn", (33, 48), {}),
        ("densenet121", 64, {}),
        ("mobilenet_v2", (64, 80), {}),
        ("googlenet", 80, {"init_weights": False, "transform_input": True, "aux_logits": False}),
        ("shufflenet_v2_x0_5", 64, {}),
        ("squeezenet1_0", 64, {}),
        ("alexnet", 96, {}),
        ("video.r3d_18", (8, 24, 32), {}),
    ],
)
def test_networks_of_torchvision(name: str, side: Any, options: dict[str, Any]) -> None:
    model, inputs = zoo(name, side, **options)
    assert_exact(model, inputs, windows(tuple(inputs.shape[2:]), min(inputs.shape[2:]) // 4, 4))


@pytest.mark.parametrize("size", [(40, 32, 36), (32, 33, 39)])
def test_a_volume_of_monai(size: tuple[int, ...]) -> None:
    nets = pytest.importorskip("monai.networks.nets")
    inputs = torch.randn(1, 1, *size, generator=torch.Generator().manual_seed(0))
    build = lambda: nets.DenseNet121(spatial_dims=3, in_channels=1, out_channels=2)  # noqa: E731
    model = statistics(seeded(build), *(torch.roll(inputs, k, 2) for k in range(2)))
    assert_exact(model, inputs, windows(size, 7, 3))


@pytest.mark.parametrize(("room", "rows"), [(1, driver.FEWEST_ROWS), (2**24, driver.ROWS)])
def test_of_large_activations_fewer_run_together(room: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    own = Boxes.patches

    def noted(self: Boxes, inputs: Tensor, fill: Tensor, start: int, count: int, mask: Tensor | None) -> Tensor:
        batches.append(count)
        return own(self, inputs, fill, start, count, mask)

    network, inputs = NETWORKS["volume"].model(), NETWORKS["volume"].picture()
    edits, fill = windows(tuple(inputs.shape[2:]), 3, 2 * driver.ROWS), fill_for(inputs, 0.5)
    monkeypatch.setattr(driver, "LARGEST_BYTES", room)
    monkeypatch.setattr(Boxes, "patches", noted)
    with torch.no_grad():
        run = Incremental(planned(network, inputs), inputs, edits)
        found = run.logits(0, len(edits), fill, None)
        assert set(batches) == {rows}
        alone = torch.cat([run.logits(place, 1, fill, None) for place in range(len(edits))])
    torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-6)


class Odd(nn.Module):
    """Habits of hand-written networks: functions, reuse, in-place changes, two branches that see differently far."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.wide = nn.Conv2d(8, 8, 7, padding=3, groups=4)
        self.narrow = nn.Conv2d(8, 8, 1)
        self.shift = nn.Parameter(torch.linspace(-1, 1, 8)[:, None, None])
        self.head = nn.Linear(8 * 6 * 6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = 1 - x / 2
        red, rest = x[:, 0].unsqueeze(1), x[:, 1:]
        x = functional.relu(self.stem(torch.cat([red, rest], dim=1)), inplace=True)
        before = self.narrow(x)
        x = self.relu(self.twice(x))
        x = torch.add(self.wide(x), before)
        x += self.narrow(self.relu(self.twice(x)))
        x = torch.cat((x[:, :4], functional.max_pool2d(x, 3, 1, 1)[:, 4:]), 1) * self.shift
        first, second = x.chunk(2, dim=1)
        x = torch.cat([first - second, second.tanh()], 1)
        functional.relu_(x)
        x = functional.avg_pool2d(functional.dropout(x, 0.5, self.training), 5, stride=4, padding=1)
        return self.head(torch.flatten(x, 1))


def test_habits_of_hand_written_networks() -> None:
    model = seeded(Odd).eval()
    inputs = torch.randn(2, 3, 26, 26, generator=torch.Generator().manual_seed(0))
    plan = assert_exact(model, inputs, windows((26, 26), 4))
    assert plan.share(windows((26, 26), 4)) < 0.4


class Rewritten(nn.Module):
    """An activation that is read before and after it is changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        before = self.second(x)
        x.relu_()
        return (self.second(x) + before).mean((2, 3))


class Handed(Rewritten):
    """A change in place through a view of an activation that is read again: nothing shows what changed."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x[:, :3].relu_()
        return self.second(x).mean((2, 3))


def test_changes_in_place_reach_later_readers_alone() -> None:
    inputs = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert_exact(seeded(Rewritten).eval(), inputs, windows((24, 24), 4))
    assert plan_for(seeded(Handed).eval(), inputs) is None


POOLINGS: dict[str, Callable[..., nn.Module]] = {
    "max": lambda dims, **geometry: (nn.MaxPool2d, nn.MaxPool3d)[dims - 2](**geometry),
    "mean": lambda dims, **geometry: (nn.AvgPool2d, nn.AvgPool3d)[dims - 2](**geometry),
}


@st.composite
def layers(draw: st.DrawFn, dims: int) -> tuple[str, dict[str, Any]]:
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(dims))  # noqa: E731
    kind = draw(st.sampled_from(["conv", "max", "mean", "same"]))
    kernel = each(1, 4)
    if kind == "same":
        return "conv", {"kernel_size": kernel, "padding": "same", "dilation": each(1, 2)}
    geometry: dict[str, Any] = {"kernel_size": kernel, "stride": each(1, 3)}
    if kind == "conv":
        more = {"padding": each(0, 3), "dilation": each(1, 2), "groups": draw(st.sampled_from([1, 2]))}
        return kind, geometry | more
    geometry["padding"] = tuple(draw(st.integers(0, side // 2)) for side in kernel)
    geometry["ceil_mode"] = draw(st.booleans())
    if kind == "mean":
        geometry["count_include_pad"] = draw(st.booleans())
    return kind, geometry


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Module, Tensor, int]:
    dims = draw(st.sampled_from([2, 2, 3]))
    modules: list[nn.Module] = []
    x = torch.zeros(1, 2, *(draw(st.integers(9, 24 if dims == 2 else 13)) for _ in range(dims)))
    size = tuple(x.shape[2:])
    for kind, geometry in draw(st.lists(layers(dims), min_size=1, max_size=4)):
        convolution = (nn.Conv2d, nn.Conv3d)[dims - 2]
        module = convolution(2, 2, **geometry) if kind == "conv" else POOLINGS[kind](dims, **geometry)
        try:
            x = module(x)
        except RuntimeError:  # the kernel does not fit any more
            break
        modules += [module, nn.LeakyReLU()]
    head = [nn.Flatten(), nn.Linear(x[0].numel(), 3)]
    inputs = torch.randn(draw(st.integers(1, 2)), 2, *size, generator=torch.Generator().manual_seed(1))
    return nn.Sequential(*modules, *head).eval(), inputs, draw(st.integers(1, 5))


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_geometries_of_every_kind(data: st.DataObject) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, inputs, window = data.draw(networks())
    model, inputs = model.double(), inputs.double()
    plan, edits = planned(model, inputs), windows(tuple(inputs.shape[2:]), window)
    fill = fill_for(inputs, edits.fill)
    buffer = inputs.new_empty((len(edits), *inputs.shape))
    edits.write(buffer, inputs, fill, 0, None)
    with torch.no_grad():
        expected = model(buffer.flatten(0, 1)).reshape(len(edits), len(inputs), -1)
        found = Incremental(plan, inputs, edits).logits(0, len(edits), fill, None)
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("resnet18", 0.75), ("vgg11_bn", 0.6)])
def test_only_a_part_is_computed(name: str, most: float) -> None:
    model, inputs = zoo(name, 96)
    inputs, edits = inputs[:1], windows((96, 96), 12, 4)
    plan, fill = planned(model, inputs), fill_for(inputs, "zero")
    buffer = inputs.new_empty((len(edits), *inputs.shape))
    edits.write(buffer, inputs, fill, 0, None)
    run = Incremental(plan, inputs, edits)
    with torch.no_grad():
        with FlopCounterMode(display=False) as plain:
            model(buffer.flatten(0, 1))
        with FlopCounterMode(display=False) as partly:
            run.logits(0, len(edits), fill, None)
    assert 0.02 < partly.get_total_flops() / plain.get_total_flops() < most


class Gated(nn.Module):
    """A stem, then something that mixes all places, then convolutions."""

    def __init__(self, mixing: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.mixing = mixing(8)
        self.rest = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.mixing(self.stem(x)))


class Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        mixed = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return x + mixed.transpose(1, 2).reshape(x.shape)


def squeeze(channels: int) -> nn.Module:
    from torchvision.ops import SqueezeExcitation

    return SqueezeExcitation(channels, 4)


MIXING: dict[str, Callable[[int], nn.Module]] = {
    "squeeze and excitation": squeeze,
    "attention": Attention,
    "group norm": lambda channels: nn.GroupNorm(2, channels),
    "instance norm": nn.InstanceNorm2d,
    "upsampling": lambda _: nn.Upsample(scale_factor=2, mode="bilinear"),
    "transposed convolution": lambda channels: nn.ConvTranspose2d(channels, channels, 3, stride=2),
    "reflected padding": lambda channels: nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
}


@pytest.mark.parametrize("name", MIXING)
def test_what_mixes_all_places_is_computed_whole(name: str) -> None:
    model = seeded(lambda: Gated(MIXING[name])).eval()
    inputs = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    plan, edits = assert_exact(model, inputs, windows((20, 20), 4)), windows((20, 20), 4)
    partial = {str(node.target) for node in plan.extents(edits)}
    assert "stem.0" in partial
    assert "rest.0" not in partial


@pytest.mark.parametrize("fill", ["mean", "blur", "noise"])
@pytest.mark.parametrize("soft", [False, True])
def test_fills_profiles_and_masks(fill: Any, soft: bool) -> None:
    network = NETWORKS["resnet"]
    inputs = torch.cat([network.picture(0), network.picture(1)])
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[5:50, 20:] = True
    plain = windows((64, 64), 12)
    profile = np.random.default_rng(0).random((12, 12)) if soft else None
    assert_exact(network.model(), inputs, Boxes(plain.origin, plain.size, fill, profile), mask)


# -- in the whole engine: occlusion takes the incremental path by itself ---------------------------------------------


@pytest.fixture
def partly(monkeypatch: pytest.MonkeyPatch) -> list[Windows]:
    """The runs that took the incremental path."""
    taken: list[Windows] = []
    own = Windows.logits

    def noted(self: Windows, start: int, count: int) -> Tensor:
        taken.append(self)
        return own(self, start, count)

    monkeypatch.setattr(Windows, "logits", noted)
    return taken


def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the plain path."""
    monkeypatch.setattr(variants, "windows_for", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"edge": "gaussian"}, {"fill": "blur"}, {"score": "probability"}])
@pytest.mark.parametrize("chunk_seconds", [None, 1e-9])
def test_the_map_of_many_inputs_is_that_of_the_plain_path(
    options: dict[str, Any], chunk_seconds: float | None, partly: list[Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, method = NETWORKS["resnet"], build_method("occlusion", {"window": 12, "stride": 9} | options)

    def maps() -> tuple[np.ndarray, int]:
        model = network.model()
        session = Session(
            model,
            [read_input(network.picture(seed), model) for seed in range(3)],
            Binding(chunk_seconds=chunk_seconds),
        )
        *_, last = session.run(method, [1, 2, 3])
        return np.stack([found.values for found in last]), last[0].meta["forwards"]

    found, forwards = maps()
    assert partly
    everywhere(monkeypatch)
    expected, plainly = maps()
    assert forwards == plainly
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4 * float(np.abs(expected).max()))


def test_a_mask_and_a_volume(partly: list[Windows], monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS["volume"]
    mask = np.zeros(network.shape[1:], bool)
    mask[2:9, 3:, 1:7] = True

    def run() -> np.ndarray:
        return explain(network.model(), network.picture()[0], "occlusion", window=4, stride=2, mask=mask).values

    found = run()
    assert partly
    everywhere(monkeypatch)
    assert found == pytest.approx(run(), rel=1e-4, abs=1e-6)


def test_bfloat16_stays_near_float32(partly: list[Windows]) -> None:
    network = NETWORKS["vgg"]
    maps = [
        explain(network.model(), network.picture()[0], "occlusion", window=16, stride=8, precision=precision).values
        for precision in ("float32", "bfloat16")
    ]
    assert len({id(windows) for windows in partly}) == 2
    assert spearmanr(maps[0].ravel(), maps[1].ravel()).statistic > 0.95


def test_it_is_planned_once_for_a_model_and_anew_when_its_weights_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans: list[nn.Module] = []
    monkeypatch.setattr(running, "plan_for", lambda *given: (plans.append(given[0]), plan_for(*given))[1])
    network, model = NETWORKS["resnet"], NETWORKS["resnet"].model()

    def run(seed: int) -> np.ndarray:
        return explain(model, network.picture(seed)[0], "occlusion", target=1, window=16, stride=8).values

    before, _ = run(0), run(1)
    assert len(plans) == 1
    with torch.no_grad():
        model.fc.weight.mul_(2)
        model.fc.bias.mul_(2)
    assert run(0) == pytest.approx(2 * before, rel=1e-3, abs=1e-5)
    assert len(plans) == 2


class Careful(nn.Linear):
    """A linear layer that autocast leaves alone."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


def test_linear_layers_of_every_kind_are_one_call() -> None:
    model = NETWORKS["resnet"].model()
    model.fc.__class__ = Careful
    assert_exact(model, NETWORKS["resnet"].picture(), windows((64, 64), 12))


class Unseen(nn.Module):
    """A network that does something else while it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        factor = 3.0 if isinstance(x, Proxy) else 1.0
        return factor * self.conv(x).relu().mean((2, 3))


def test_a_network_that_is_not_what_was_traced_takes_the_plain_path(partly: list[Windows]) -> None:
    model, x = seeded(Unseen).eval(), torch.randn(3, 20, 20, generator=torch.Generator().manual_seed(0))
    scores = explain(model, x, "occlusion", target=0, window=5, stride=5).arrays["scores"]
    assert partly == []
    covered = x.clone()
    covered[:, 5:10, 10:15] = 0
    with torch.no_grad():
        drop = model(x[None])[0, 0] - model(covered[None])[0, 0]
    assert scores[1, 2] == pytest.approx(drop.item(), rel=1e-4)


@pytest.mark.parametrize("name", ["vit", "swin", "convnext"])
def test_where_nothing_is_saved_the_plain_path_is_taken(name: str, partly: list[Windows]) -> None:
    network = NETWORKS[name]
    if name == "vit":  # its small twin is hardly more than its convolution
        plan = planned(network.model(), network.picture())
        assert {str(node.target) for node in plan.extents(windows((32, 32), 4))} <= {"x", "conv_proj"}
        return
    explain(network.model(), network.picture()[0], "occlusion", window=8, stride=8)
    assert partly == []


def test_all_windows_are_one_chunk_where_there_is_room_at_the_waist(
    partly: list[Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = NETWORKS["resnet"]

    def found() -> np.ndarray:
        partly.clear()
        return explain(network.model(), network.picture()[0], "occlusion", target=1, window=16, stride=8).values

    whole, chunks = found(), len(partly)
    at_once = partly[0].run.row_bytes
    monkeypatch.setattr(running, "MOST_BYTES", 3 * at_once)
    split = found()
    assert (chunks, len(partly)) == (1, 17)  # of 7 x 7 windows
    assert split == pytest.approx(whole, rel=1e-4, abs=1e-6)

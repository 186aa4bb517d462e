"""Score-CAM against brute force: every channel enlarged, scaled, put over the input, scored by the model itself."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.cams import empty_case
from tests.zoo import CLASSES, Flat, Plain, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain, explain_batch
from xai_widget.explainers import ScoreCam


def activations(model: nn.Module, x: Tensor, layer: str) -> Tensor:
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _m, _a, out: kept.append(out.detach().clone()))
    with torch.no_grad():
        model(x[None])
    handle.remove()
    return kept[-1][0]


def masks_of(model: nn.Module, x: Tensor, layer: str) -> tuple[Tensor, dict[int, Tensor]]:
    """Activations `[C, *grid]`, and the mask `[*S]` of every channel that is not constant."""
    a = activations(model, x, layer)
    mode = {2: "bilinear", 3: "trilinear"}[x.ndim - 1]
    found = {}
    for k, channel in enumerate(a):
        up = functional.interpolate(channel[None, None], size=tuple(x.shape[1:]), mode=mode)[0, 0]
        if up.max() > up.min():
            found[k] = (up - up.min()) / (up.max() - up.min())
    return a, found


@torch.no_grad()
def brute_force(model: nn.Module, x: Tensor, layer: str, score, fill: Tensor | float = 0.0, only=None) -> np.ndarray:
    a, masks = masks_of(model, x, layer)
    chosen = [k for k in masks if only is None or k in only]
    scores = torch.stack([score(model((x * masks[k] + fill * (1 - masks[k]))[None]))[0] for k in chosen])
    weights = torch.exp(scores - scores.max())
    return sum(w * a[k] for w, k in zip(weights / weights.sum(), chosen, strict=True)).numpy()


def logit(target: int):
    return lambda logits: logits[:, target]


@pytest.fixture(params=[Plain, Flat])
def model(request: pytest.FixtureRequest) -> nn.Module:
    return trained_statistics(seeded(request.param)).eval().double()


@pytest.mark.parametrize("layer", ["conv1", "norm", "conv2", "relu2"])
@pytest.mark.parametrize("target", [0, 3])
def test_score_cam_is_the_definition(model: nn.Module, layer: str, target: int) -> None:
    x = picture().double()
    expected = brute_force(model, x, layer, logit(target))
    found = explain(model, x, "score_cam", target=target, layer=layer, relu=False)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-6)
    rectified = explain(model, x, "score_cam", target=target, layer=layer)
    assert rectified.values == pytest.approx(expected.clip(0), rel=1e-5, abs=1e-6)
    assert not rectified.signed


def test_the_weights_are_far_from_equal_where_scores_are(model: nn.Module) -> None:
    """Otherwise the tests above would not notice wrong scores."""
    for weight in (model.fc if isinstance(model.fc, nn.Linear) else model.fc[-1]).parameters():
        weight.data.mul_(300)
    x = picture().double()
    a, masks = masks_of(model, x, "conv2")
    expected = brute_force(model, x, "conv2", logit(1))
    found = explain(model, x, "score_cam", target=1, layer="conv2", relu=False).values
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert np.abs(expected - a[list(masks)].mean(0).numpy()).max() > 0.1


@pytest.mark.parametrize("score", ["probability", "log_odds"])
def test_other_measures_of_the_score(model: nn.Module, score: str) -> None:
    def measure(logits: Tensor) -> Tensor:
        p = logits.softmax(1)[:, 2]
        return p if score == "probability" else torch.log(p / (1 - p))

    expected = brute_force(model, picture().double(), "conv2", measure)
    found = explain(model, picture().double(), "score_cam", target=2, layer="conv2", score=score, relu=False)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_contrast_and_a_callable_weigh_by_their_own_score(model: nn.Module) -> None:
    def margin(logits: Tensor) -> Tensor:
        return 5 * (logits[:, 1] - logits[:, 3])

    x = picture().double()
    found = explain(model, x, "score_cam", target=margin, layer="conv2", relu=False)
    assert found.values == pytest.approx(brute_force(model, x, "conv2", margin), rel=1e-5, abs=1e-6)
    contrast = explain(model, x, "score_cam", target=Contrast(1, 3), layer="conv2")
    expected = brute_force(model, x, "conv2", lambda logits: logits[:, 1] - logits[:, 3])
    assert contrast.signed
    assert contrast.values == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("fill", ["mean", 0.7, "array"])
def test_the_input_fades_into_the_fill(model: nn.Module, fill: str | float) -> None:
    x = picture().double()
    given: object = fill
    if fill == "array":
        content = picture(9).double()
        given = content.numpy()
    else:
        content = x.mean((1, 2), keepdim=True) if fill == "mean" else fill
    expected = brute_force(model, x, "conv2", logit(3), content)
    found = explain(model, x, "score_cam", target=3, layer="conv2", fill=given, relu=False)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_outside_the_foreground_nothing_fades(model: nn.Module) -> None:
    x = picture().double()
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[4:12, 2:9] = True
    a, masks = masks_of(model, x, "conv2")
    with torch.no_grad():
        scores = torch.stack([model((x * torch.where(inside, m, 1.0))[None])[0, 3] for m in masks.values()])
    expected = torch.einsum("k,kij->ij", scores.softmax(0), a[list(masks)]).numpy()
    found = explain(model, x, "score_cam", target=3, layer="conv2", relu=False, mask=inside.numpy())
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_volumes() -> None:
    model = seeded(Volumetric).eval().double()
    x = torch.randn(1, 6, 10, 8, generator=torch.Generator().manual_seed(0)).double()
    found = explain(model, x, "score_cam", target=1, layer="conv2", relu=False)
    assert found.values.shape == (3, 5, 4)
    assert found.values == pytest.approx(brute_force(model, x, "conv2", logit(1)), rel=1e-5, abs=1e-6)


def with_dead_channels(count: int) -> nn.Module:
    model = trained_statistics(seeded(Plain)).eval()
    model.conv2.weight.data[:count] = 0
    model.conv2.bias.data[:count] = torch.linspace(-1, 0.3, 8)[:count]  # some below the ReLU, some constant above it
    return model


def test_a_constant_channel_has_no_mask_and_no_weight() -> None:
    model = with_dead_channels(7)
    found = explain(model, picture(), "score_cam", target=0, relu=False)
    assert found.meta["channels"] == 1
    assert found.meta["forwards"] == 2  # one reads the layer, one sees through the channel; the logits are known
    assert found.values == pytest.approx(activations(model, picture(), "relu2")[7].numpy(), rel=1e-5)


def test_a_layer_that_is_constant_gives_a_map_of_zeros() -> None:
    found = explain(with_dead_channels(8), picture(), "score_cam", target=0)
    assert found.meta["channels"] == 0
    assert found.meta["fraction"] == 1
    assert not found.values.any()


def test_the_strongest_channels_alone(model: nn.Module) -> None:
    x = picture().double()
    energy = activations(model, x, "conv2").square().mean((1, 2))
    only = energy.topk(3).indices.tolist()
    found = explain(model, x, "score_cam", target=1, layer="conv2", channels=3, relu=False)
    assert found.values == pytest.approx(brute_force(model, x, "conv2", logit(1), only=only), rel=1e-5, abs=1e-6)
    assert found.meta["forwards"] == 1 + 3


def test_estimates_come_after_every_chunk_strongest_channels_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from xai_widget.engine import variants as engine_variants

    model = trained_statistics(seeded(Flat)).eval().double()
    x = picture().double()
    order = activations(model, x, "conv2").square().mean((1, 2)).argsort(descending=True).tolist()
    whole = explain(model, x, "score_cam", target=1, layer="conv2", relu=False).values
    monkeypatch.setattr(engine_variants, "LARGEST_CHUNK", 3)
    case = empty_case(model, x[None], [1], ["conv2"])
    found = list(ScoreCam(relu=False).estimates(case))
    assert [estimate.fraction for estimate in found] == [3 / 8, 6 / 8, 1]
    for estimate, seen in zip(found, (3, 6, 8), strict=True):
        expected = brute_force(model, x, "conv2", logit(1), only=order[:seen])
        assert estimate.values[0].numpy() == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert found[-1].values[0].numpy() == pytest.approx(whole, rel=1e-5, abs=1e-7)


def test_every_input_has_its_own_masks() -> None:
    model = trained_statistics(seeded(Flat)).eval().double()
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    found = explain_batch(model, inputs, "score_cam", targets=[0, 3, 1], layer="conv2", relu=False)
    for x, target, one in zip(inputs, [0, 3, 1], found, strict=True):
        expected = brute_force(model, x, "conv2", logit(target))
        assert one.values == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_contrast_in_a_batch_changes_nothing_for_the_other_inputs() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    inputs = torch.stack([picture(seed) for seed in range(2)])
    found = explain_batch(model, inputs, "score_cam", targets=[0, Contrast(1, 2)], layer="conv2")
    assert [one.signed for one in found] == [False, True]
    alone = explain(model, inputs[0], "score_cam", target=0, layer="conv2")
    assert found[0].values == pytest.approx(alone.values, rel=1e-5, abs=1e-7)


def test_every_class_comes_from_the_same_forwards() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    first = explain(model, picture(), "score_cam", target=0, layer="conv2")
    expected = np.stack(
        [explain(model, picture(), "score_cam", target=t, layer="conv2").values for t in range(CLASSES)]
    )
    assert first.meta["forwards"] == 1 + 8
    assert first.maps(range(CLASSES)) == pytest.approx(expected, rel=1e-5, abs=1e-8)
    assert first.for_target(4).meta["forwards"] == 0

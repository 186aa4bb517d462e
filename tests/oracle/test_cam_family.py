"""What holds for every CAM method: targets, batches, layers, volumes, tokens, and the number of model evaluations."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from tests.cams import Solid, activations_and_gradients, empty_case
from tests.zoo import CLASSES, Flat, Plain, picture, seeded, trained_statistics
from xai_widget import Contrast, TargetNotScored, explain, explain_batch, explain_layers
from xai_widget.explainers import build_method


@pytest.mark.parametrize("method", ["grad_cam", "cam"])
def test_a_contrast_is_the_difference_of_the_maps_and_keeps_its_sign(method: str) -> None:
    model = trained_statistics(seeded(Plain)).eval()
    a, b = (explain(model, picture(), method, target=t, relu=False).values for t in (1, 3))
    found = explain(model, picture(), method, target=Contrast(1, 3))
    assert found.signed
    assert found.label == "class 1 rather than class 3"
    assert found.values == pytest.approx(a - b, rel=1e-4, abs=1e-7)


def test_a_callable_target_is_differentiated() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    a, b = (explain(model, picture(), "grad_cam", target=t, layer="relu2", relu=False).values for t in (1, 3))
    found = explain(model, picture(), target=lambda logits: 2 * logits[:, 1] + logits[:, 3], layer="relu2", relu=False)
    assert found.values == pytest.approx(2 * a + b, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("build", [Plain, Flat])
@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_pp"])
def test_a_batch_gives_what_its_inputs_give_alone(build: type[nn.Module], method: str) -> None:
    model = trained_statistics(seeded(build)).eval()
    inputs = torch.stack([picture(seed) for seed in range(4)])
    targets = [0, 3, 1, 1]
    together = explain_batch(model, inputs, method, targets=targets)
    for x, target, found in zip(inputs, targets, together, strict=True):
        alone = explain(model, x, method, target=target)
        assert found.values == pytest.approx(alone.values, rel=1e-4, abs=1e-7)
        assert found.target == target


@pytest.mark.parametrize("build", [Plain, Flat])
def test_another_target_is_answered_from_what_was_kept(build: type[nn.Module]) -> None:
    model = trained_statistics(seeded(build)).eval()
    first = explain(model, picture(), "grad_cam", target=0)
    expected = [explain(model, picture(), "grad_cam", target=t).values for t in range(CLASSES)]
    del model
    assert first.maps(range(CLASSES)) == pytest.approx(np.stack(expected), rel=1e-5, abs=1e-8)
    assert first.for_target(4).meta["forwards"] == 0


def test_a_loaded_attribution_says_that_it_cannot_answer(tmp_path: pytest.TempPathFactory) -> None:
    from xai_widget import Attribution

    saved = explain(seeded(Plain).eval(), picture(), target=2)
    path = saved.save(tmp_path / "map.npz")
    loaded = Attribution.load(path)
    assert np.array_equal(loaded.values, saved.values)
    assert (loaded.method, loaded.target, loaded.label, loaded.layer) == ("grad_cam", 2, "class 2", "relu2")
    with pytest.raises(TargetNotScored, match="explain"):
        loaded.for_target(1)


def test_many_layers_are_one_forward_and_equal_single_ones() -> None:
    calls = []
    model = trained_statistics(seeded(Flat)).eval()
    names = ["conv1", "norm", "conv2", "relu2"]
    singles = {name: explain(model, picture(), target=1, layer=name).values for name in names}
    again = trained_statistics(seeded(Flat)).eval()
    again.conv1.register_forward_hook(lambda *_: calls.append(1))
    maps = explain_layers(again, picture(), names, target=1)
    assert list(maps) == names
    # One pass measures the model, one captures all layers; a copied hook counts both.
    assert len(calls) == 2
    for name in names:
        assert maps[name].values == pytest.approx(singles[name], rel=1e-5, abs=1e-8)


def test_fused_layers_are_the_mean_of_maps_scaled_to_their_maximum_on_the_finest_grid() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    fine = explain(model, picture(), target=1, layer="norm").values
    coarse = explain(model, picture(), target=1, layer="conv2")
    expected = (fine / np.abs(fine).max() + coarse.resized() / np.abs(coarse.values).max()) / 2
    fused = explain(model, picture(), target=1, layer=["norm", "conv2"])
    assert fused.layer == ("norm", "conv2")
    assert "maximum magnitude" in fused.meta["fused"]
    assert fused.values == pytest.approx(expected, rel=1e-4, abs=1e-6)


GRADIENT_METHODS = ["grad_cam", "grad_cam_pp", "layer_cam", "integrated_grad_cam"]
METHODS = [*GRADIENT_METHODS, "score_cam"]


@pytest.mark.parametrize("method", METHODS)
def test_a_volume_of_depth_one_is_a_picture(method: str) -> None:
    model = trained_statistics(seeded(Flat)).eval()
    solid = seeded(lambda: Solid(model)).eval()
    for layer in ("conv1", "conv2"):
        flat = explain(model, picture(), method, target=2, layer=layer, relu=False).values
        found = explain(solid, picture()[:, None], method, target=2, layer=layer, relu=False).values
        assert found.shape == (1, *flat.shape)
        assert found[0] == pytest.approx(flat, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_rows_do_not_meet(method: str) -> None:
    """Different targets in one batch: each row has the map it has alone."""
    model = trained_statistics(seeded(Flat)).eval()
    inputs, targets = torch.stack([picture(seed) for seed in range(4)]), [0, 3, 1, 1]
    together = explain_batch(model, inputs, method, targets=targets, layer=["norm", "conv2"])
    for x, target, found in zip(inputs, targets, together, strict=True):
        alone = explain(model, x, method, target=target, layer=["norm", "conv2"])
        assert found.values == pytest.approx(alone.values, rel=1e-4, abs=1e-6)
        assert found.meta["relu"]
        assert found.meta["fraction"] == 1


@pytest.mark.parametrize("method", METHODS)
def test_fused_layers_are_the_mean_of_scaled_maps(method: str) -> None:
    model = trained_statistics(seeded(Flat)).eval()
    fine = explain(model, picture(), method, target=1, layer="norm")
    coarse = explain(model, picture(), method, target=1, layer="conv2")
    expected = (fine.values / np.abs(fine.values).max() + coarse.resized() / np.abs(coarse.values).max()) / 2
    fused = explain(model, picture(), method, target=1, layer=["norm", "conv2"])
    assert fused.values == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("params", [{}, {"pooling": "none"}, {"gradient": "guided"}])
@pytest.mark.parametrize("method", ["grad_cam", "integrated_grad_cam"])
def test_a_contrast_is_the_difference_for_what_is_linear_in_the_gradient(method: str, params: dict[str, str]) -> None:
    if params.get("gradient") == "guided":
        model = trained_statistics(seeded(Plain)).eval()  # nothing rectifies above relu2: guided is linear there
    else:
        model = trained_statistics(seeded(Flat)).eval()
    a, b = (explain(model, picture(), method, target=t, layer="relu2", relu=False, **params).values for t in (1, 3))
    found = explain(model, picture(), method, target=Contrast(1, 3), layer="relu2", **params)
    assert found.signed
    assert found.values == pytest.approx(a - b, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("method", ["grad_cam_pp", "layer_cam"])
def test_a_contrast_and_a_callable_are_scores_like_any_other(method: str) -> None:
    model = trained_statistics(seeded(Flat)).eval().double()
    x = picture().double()

    def margin(logits: torch.Tensor) -> torch.Tensor:
        return logits[:, 1] - logits[:, 3]

    a, g = activations_and_gradients(model, x, margin, "conv2")
    if method == "grad_cam_pp":
        weights = (g.clamp(min=0) / (2 + a.sum((1, 2), keepdim=True) * g)).sum((1, 2))[:, None, None]
    else:
        weights = g.clamp(min=0)
    expected = (weights * a).sum(0).numpy()
    contrast = explain(model, x, method, target=Contrast(1, 3), layer="conv2")
    assert contrast.signed
    assert contrast.values == pytest.approx(expected, rel=1e-5, abs=1e-8)
    called = explain(model, x, method, target=margin, layer="conv2", relu=False)
    assert called.values == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("build", [Plain, Flat])
@pytest.mark.parametrize("method", METHODS)
def test_another_target_costs_no_forward(build: type[nn.Module], method: str) -> None:
    model = trained_statistics(seeded(build)).eval()
    calls: list[int] = []
    again = trained_statistics(seeded(build)).eval()
    again.conv1.register_forward_hook(lambda *_: calls.append(1))
    first = explain(again, picture(), method, target=0, layer=["conv1", "relu2"])
    before = len(calls)
    maps = [first.for_target(target) for target in range(1, CLASSES)]
    assert len(calls) == before
    for target, found in enumerate(maps, start=1):
        expected = explain(model, picture(), method, target=target, layer=["conv1", "relu2"]).values
        assert found.values == pytest.approx(expected, rel=1e-4, abs=1e-6)


COSTS = [
    ("cam", Plain, ("relu2",), {}, (1, 0)),
    ("grad_cam", Plain, ("relu2",), {}, (1, 0)),
    ("grad_cam", Plain, ("relu2",), {"gradient": "guided"}, (1, 1)),
    ("grad_cam", Plain, ("relu1", "relu2"), {}, (1, 1)),
    ("grad_cam", Flat, ("relu2",), {"pooling": "max"}, (1, 1)),
    ("grad_cam", Flat, ("norm", "conv2"), {"gradient": "deconv"}, (1, 1)),
    ("grad_cam_pp", Flat, ("relu2",), {}, (1, 1)),
    ("layer_cam", Plain, ("relu2",), {}, (1, 0)),
    ("layer_cam", Flat, ("conv1", "norm", "conv2"), {}, (1, 1)),
    ("score_cam", Flat, ("conv2",), {}, (1 + 8, 0)),
    ("score_cam", Plain, ("conv1", "conv2"), {}, (1 + 6 + 8, 0)),
    ("score_cam", Plain, ("conv1", "conv2"), {"channels": 7}, (1 + 6 + 7, 0)),
    ("integrated_grad_cam", Plain, ("relu2",), {"steps": 5}, (6, 0)),
    ("integrated_grad_cam", Flat, ("relu2",), {"steps": 5}, (6, 5)),
    ("integrated_grad_cam", Flat, ("conv1", "conv2"), {"steps": 5, "gradient": "guided"}, (6, 5)),
    ("integrated_grad_cam", Flat, ("conv1", "conv2"), {"steps": 5, "path": "increment"}, (6, 6)),
    ("integrated_grad_cam", Plain, ("relu2",), {"steps": 5, "path": "increment"}, (6, 0)),
]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("method", "build", "layers", "params", "expected"), COSTS)
def test_the_cost_is_what_is_counted(
    method: str,
    build: type[nn.Module],
    layers: tuple[str, ...],
    params: dict[str, object],
    expected: tuple[int, int],
    rows: int,
) -> None:
    model = trained_statistics(seeded(build)).eval()
    chosen = build_method(method, params)
    case = empty_case(model, torch.stack([picture(seed) for seed in range(rows)]), list(range(rows)), layers)
    cost = chosen.cost(case)
    assert (cost.forwards, cost.backwards) == (rows * expected[0], rows * expected[1])
    *_, last = chosen.estimates(case)
    assert last.fraction == 1
    assert (case.runner.tally.forwards, case.runner.tally.backwards) == (cost.forwards, cost.backwards)


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_pp", "layer_cam"])
def test_tokens_are_a_grid_without_those_in_front(method: str) -> None:
    model = seeded(
        lambda: torchvision.models.VisionTransformer(
            32, 8, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=CLASSES
        )
    )
    nn.init.normal_(model.heads.head.weight, generator=torch.Generator().manual_seed(0))
    model = model.eval().double()
    x = picture(side=32).double()
    layer = "encoder.layers.encoder_layer_1"
    a, g = (v[1:].T.reshape(16, 4, 4) for v in activations_and_gradients(model, x, 2, layer))
    if method == "grad_cam":
        expected = (g.mean((1, 2), keepdim=True) * a).sum(0)
    elif method == "layer_cam":
        expected = (g.clamp(min=0) * a).sum(0)
    else:
        weights = (g.clamp(min=0) / (2 + a.sum((1, 2), keepdim=True) * g)).sum((1, 2), keepdim=True)
        expected = (weights * a).sum(0)
    found = explain(model, x, method, target=2, layer=layer, relu=False)
    assert np.abs(found.values).max() > 0
    assert found.values == pytest.approx(expected.detach().numpy(), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_grids_of_transformers(method: str) -> None:
    vit = torchvision.models.VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    swin = torchvision.models.SwinTransformer([4, 4], 8, [2, 2], [2, 2], [4, 4])
    for model, grid in ((vit, (4, 4)), (swin, (4, 4))):
        found = explain(model.eval(), picture(side=32), method)
        assert found.values.shape == grid
        assert np.isfinite(found.values).all()

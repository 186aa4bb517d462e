"""The noise tunnel against the mean of its method over given noise, and its limits without noise."""

from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn

from tests.asking import cost_and_tally, draws, session_on, steps_of
from tests.zoo import Flat, Plain, Shared, picture, seeded, trained_statistics
from xai_widget import explain, methods
from xai_widget.explainers import GradCam, IntegratedGradients, NoiseTunnel, Occlusion, Saliency, build_method
from xai_widget.explainers.noise_tunnel import Smoothed

SMOOTHED: tuple[str, ...] = get_args(Smoothed)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


def test_every_method_offered_is_one() -> None:
    assert set(SMOOTHED) <= {row.id for row in methods()}


@pytest.mark.parametrize("of", SMOOTHED)
@pytest.mark.parametrize("samples", [1, 3])
def test_without_noise_it_is_the_method_itself(of: str, samples: int) -> None:
    model = trained_statistics(seeded(Plain)).eval().double()
    plain = explain(model, picture(), of, target=1)
    found = explain(model, picture(), "noise_tunnel", of=of, target=1, sigma=0, samples=samples)
    assert plain.values.any()
    assert found.layer == plain.layer
    assert found.signed == plain.signed
    scale = float(np.abs(plain.values).max())
    assert found.values == pytest.approx(plain.values, rel=1e-5, abs=1e-6 * scale)
    assert (found.channels is None) == (plain.channels is None)
    if plain.channels is not None:
        assert found.channels == pytest.approx(plain.channels, rel=1e-5, abs=1e-6 * scale)


@pytest.mark.parametrize("of", SMOOTHED)
def test_the_mean_is_that_of_the_method_on_every_noisy_copy(of: str) -> None:
    model = trained_statistics(seeded(Shared)).eval().double()
    if of == "cam":
        model = trained_statistics(seeded(Plain)).eval().double()
    x, noise = picture().double(), draws(4, 3, 16, 16)
    alone = [explain(model, x + one, of, target=2) for one in noise]
    found = explain(model, x, "noise_tunnel", of=of, target=2, noise=noise)
    if of in {"saliency", "guided_backprop", "deconvolution", "guided_grad_cam"}:
        # Reduced after the mean: the largest magnitude over the channels.
        expected = np.abs(np.mean([one.channels for one in alone], axis=0)).max(0)
    else:
        values = [one.values for one in alone]
        expected = np.mean(values, axis=0)
        error = np.std(values, axis=0, ddof=1) / 2
        assert found.error == pytest.approx(error, rel=1e-3, abs=1e-6 * float(error.max()))
    assert found.values == pytest.approx(expected, rel=1e-4, abs=1e-6 * float(np.abs(expected).max()))
    assert found.meta["of"] == of
    assert found.meta["samples"] == 4


@pytest.mark.parametrize("statistic", ["mean", "squared", "variance"])
def test_around_saliency_it_is_smooth_grad(model: nn.Module, statistic: str) -> None:
    params = {"target": 1, "samples": 5, "sigma": 0.1, "seed": 2, "statistic": statistic}
    smooth = explain(model, picture(), "smooth_grad", **params)
    tunnel = explain(model, picture(), "noise_tunnel", of="saliency", **params)
    assert tunnel.values == pytest.approx(smooth.values, rel=1e-6)
    assert tunnel.signed == smooth.signed


@pytest.mark.parametrize(("statistic", "power"), [("squared", 2), ("variance", None)])
def test_other_statistics_are_taken_before_channels_are_summed(
    model: nn.Module, statistic: str, power: int | None
) -> None:
    x, noise = picture().double(), draws(4, 3, 16, 16)
    alone = np.stack([explain(model, x + one, "input_x_gradient", target=2).channels for one in noise]).astype(float)
    expected = (alone**power).mean(0) if power else alone.var(0)
    found = explain(model, x, "noise_tunnel", of="input_x_gradient", target=2, noise=noise, statistic=statistic)
    assert not found.signed
    assert found.channels == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert found.values == pytest.approx(expected.sum(0), rel=1e-4, abs=1e-9)


def test_the_method_may_have_parameters_of_its_own(model: nn.Module) -> None:
    x, noise = picture().double(), draws(3, 3, 16, 16)
    of = IntegratedGradients(steps=3, rule="riemann_left", baseline=0.2)
    alone = [
        explain(model, x + n, "integrated_gradients", target=2, steps=3, rule="riemann_left", baseline=0.2).values
        for n in noise
    ]
    found = explain(model, x, "noise_tunnel", of=of, target=2, noise=noise)
    assert found.values == pytest.approx(np.mean(alone, axis=0), rel=1e-4, abs=1e-7)
    assert found.params["of"] == of


def test_layers_are_the_methods_own(model: nn.Module) -> None:
    x, noise = picture().double(), draws(3, 3, 16, 16)
    alone = [explain(model, x + n, "grad_cam", target=2, layer="conv1").values for n in noise]
    found = explain(model, x, "noise_tunnel", of="grad_cam", target=2, noise=noise, layer="conv1")
    assert found.layer == "conv1"
    assert found.values == pytest.approx(np.mean(alone, axis=0), rel=1e-4, abs=1e-8)
    with pytest.raises(ValueError, match="does not read a layer"):
        explain(model, x, "noise_tunnel", of="saliency", layer="conv1")
    with pytest.raises(ValueError, match=r"'fc.1'.*spatial positions"):
        explain(model, x, "noise_tunnel", of="grad_cam", layer="fc.1")


def test_it_refuses_what_its_method_refuses(model: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"CAM needs a head.*global average pooling"):
        explain(model, picture(), "noise_tunnel", of="cam")
    with pytest.raises(ValueError, match=r"needs gradients.*occlusion"):
        explain(lambda batch: batch.numpy().reshape(len(batch), -1)[:, :4], picture(), "noise_tunnel", dims=2)


def test_noise_goes_around_one_method_that_looks_inside() -> None:
    with pytest.raises(ValueError, match=r"goes around one method.*got Occlusion"):
        NoiseTunnel(of=Occlusion())
    with pytest.raises(ValueError, match="got Noise tunnel"):
        NoiseTunnel(of=NoiseTunnel())
    with pytest.raises(ValueError, match="Did you mean 'saliency'"):
        NoiseTunnel(of="salency")
    assert NoiseTunnel(of=Saliency()) == NoiseTunnel(of=Saliency())
    assert hash(NoiseTunnel(of=GradCam())) == hash(NoiseTunnel(of=GradCam()))


def test_a_slow_method_shows_what_it_has_and_can_be_stopped_meanwhile(model: nn.Module) -> None:
    """Chunks of one: the first copy's steps come one by one, then every copy adds to the mean."""
    pieces = steps_of(session_on(model, picture(), 1e-9), "noise_tunnel", 2, of=IntegratedGradients(steps=4), samples=3)
    assert [piece.meta["fraction"] for piece in pieces] == pytest.approx([(i + 1) / 12 for i in range(12)])
    assert [piece.meta["samples"] for piece in pieces] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert not np.array_equal(pieces[0].values, pieces[1].values)
    assert np.array_equal(pieces[3].values, pieces[6].values)
    (whole,) = steps_of(session_on(model, picture()), "noise_tunnel", 2, of=IntegratedGradients(steps=4), samples=3)[
        -1:
    ]
    assert pieces[-1].values == pytest.approx(whole.values, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("method", "params", "forwards", "backwards"),
    [
        ("smooth_grad", {"samples": 5}, 2 * 5, 2 * 5),
        ("smooth_grad", {"noise": draws(4, 3, 16, 16)}, 2 * 4, 2 * 4),
        ("noise_tunnel", {"samples": 3, "of": "saliency"}, 2 * 3, 2 * 3),
        ("noise_tunnel", {"samples": 3, "of": IntegratedGradients(steps=4)}, 2 * 3 * 6, 2 * 3 * 4),
        ("noise_tunnel", {"samples": 3, "of": "grad_cam"}, 2 * 3, 2 * 3),
        ("noise_tunnel", {"samples": 3, "of": "guided_grad_cam"}, 2 * 3 * 2, 2 * 3 * 2),
        ("noise_tunnel", {"noise": draws(4, 3, 16, 16), "of": "lrp"}, 2 * 4, 2 * 4),
    ],
)
def test_the_cost_is_what_is_counted(method: str, params: dict[str, Any], forwards: int, backwards: int) -> None:
    model = trained_statistics(seeded(Flat)).eval()
    inputs = torch.stack([picture(1), picture(2)])
    said, counted = cost_and_tally(model, build_method(method, params), inputs)
    assert said == counted
    assert (counted.forwards, counted.backwards) == (forwards, backwards)

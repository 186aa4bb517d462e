"""SmoothGrad and the noise tunnel against explicit means over given noise, and their limits without noise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.asking import draws, logits_of, session_on, steps_of
from tests.zoo import Flat, picture, seeded, trained_statistics
from xai_widget import Contrast, TargetNotScored, explain, explain_batch
from xai_widget.explainers.moments import Moments


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


def gradient(model: Callable[[Tensor], Tensor], x: Tensor, k: int) -> Tensor:
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(model(x[None])[0, k], x)[0]


def half_square(batch: Tensor) -> Tensor:
    """Its gradient at x is x: what a method sees of its noisy inputs can be read off the map."""
    return batch.square().sum((1, 2, 3)) / 2


SQUARE = logits_of(half_square)


# -- SmoothGrad: the limits, and given noise ------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 4])
def test_without_noise_it_is_saliency(model: nn.Module, samples: int) -> None:
    plain = explain(model, picture(), "saliency", target=1)
    found = explain(model, picture(), "smooth_grad", target=1, sigma=0, samples=samples)
    assert not found.signed
    assert found.values == pytest.approx(plain.values, rel=1e-6)
    assert found.channels == pytest.approx(plain.channels, rel=1e-6)
    if samples == 1:
        assert found.error is None
    else:
        assert found.error == pytest.approx(np.zeros((16, 16)), abs=1e-9)


def test_statistics_of_given_noise_are_those_of_an_explicit_loop(model: nn.Module) -> None:
    x, noise = picture().double(), draws(6, 3, 16, 16)
    g = np.stack([gradient(model, x + one, 2).numpy() for one in noise])
    for statistic, channels, each in (("mean", g.mean(0), g), ("squared", (g**2).mean(0), g**2)):
        # samples and sigma say nothing about noise that is given
        ask = {"target": 2, "noise": noise, "statistic": statistic, "samples": 2, "sigma": 0}
        found = explain(model, x, "smooth_grad", **ask)
        assert found.meta["samples"] == 6
        assert found.channels == pytest.approx(channels, rel=1e-5, abs=1e-10)
        assert found.values == pytest.approx(np.abs(channels).max(0), rel=1e-5, abs=1e-10)
        largest = np.abs(channels).argmax(0)[None]
        error = np.take_along_axis(each.std(0, ddof=1) / np.sqrt(6), largest, 0)[0]
        assert found.error == pytest.approx(error, rel=1e-4, abs=1e-10)
    found = explain(model, x, "smooth_grad", target=2, noise=noise, statistic="variance")
    assert found.channels == pytest.approx(g.var(0), rel=1e-4, abs=1e-12)
    assert found.values == pytest.approx(g.var(0).max(0), rel=1e-4, abs=1e-12)
    assert found.error is None


def test_every_input_can_be_given_its_own_noise(model: nn.Module) -> None:
    inputs, noise = torch.stack([picture(1), picture(2)]).double(), draws(5, 2, 3, 16, 16)
    found = explain_batch(model, inputs, "smooth_grad", targets=[3, 1], noise=noise)
    for row, (x, k, one) in enumerate(zip(inputs, (3, 1), found, strict=True)):
        mean = torch.stack([gradient(model, x + n[row], k) for n in noise]).mean(0)
        assert one.channels == pytest.approx(mean.numpy(), rel=1e-5, abs=1e-9)


def test_the_variance_of_large_gradients_that_hardly_vary() -> None:
    """Gradients about 1000 that vary by 0.01: the mean square less the squared mean has no digit left in float32."""
    steep = logits_of(lambda batch: (1000 * batch + 0.005 * batch.square()).sum((1, 2, 3)))
    x, noise = picture(), draws(40, 3, 16, 16).float()
    g = torch.stack([gradient(steep, x + one, 0) for one in noise])
    assert g.dtype == torch.float32
    two_pass = g.double().var(0, correction=0).numpy()
    found = explain(steep, x, "smooth_grad", target=0, noise=noise, statistic="variance", dims=2)
    assert found.channels == pytest.approx(two_pass, rel=1e-5)
    assert found.channels.min() > 0
    naive = (g.square().mean(0) - g.mean(0).square()).numpy()
    assert np.abs(naive - two_pass).max() > 100 * two_pass.max()
    assert naive.min() < 0


@pytest.mark.parametrize("chunks", [(7,), (1,) * 7, (3, 4), (1, 5, 1)])
def test_moments_do_not_depend_on_how_samples_come(chunks: tuple[int, ...]) -> None:
    samples = 1e8 + torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moments = Moments()
    for chunk in samples.split(chunks, 1):
        moments.update(chunk)
    assert moments.count == 7
    assert moments.mean.numpy() == pytest.approx(samples.mean(1).numpy(), rel=1e-14)
    assert moments.variance.numpy() == pytest.approx(samples.var(1, correction=0).numpy(), rel=1e-6)
    assert moments.error.numpy() == pytest.approx(samples.std(1).numpy() / 7**0.5, rel=1e-6)


# -- drawn noise ----------------------------------------------------------------------------------------------------


def test_the_noise_is_gaussian_and_scaled_to_the_range_of_each_input() -> None:
    inputs = torch.stack([picture(1, side=40), 10 * picture(2, side=40) + 3]).double()
    found = explain_batch(SQUARE, inputs, "smooth_grad", targets=[0, 0], samples=1, sigma=0.2, dims=2)
    noise = [one.channels - x.numpy() for one, x in zip(found, inputs, strict=True)]
    for row, x in zip(noise, inputs, strict=True):
        scale = 0.2 * float(x.max() - x.min())
        standard = row / scale
        assert standard.std() == pytest.approx(1, abs=0.05)  # 4800 draws
        assert standard.mean() == pytest.approx(0, abs=0.06)
        assert (np.abs(standard) < 1).mean() == pytest.approx(0.683, abs=0.03)


def test_samples_are_drawn_anew() -> None:
    one, two = (explain(SQUARE, picture(), "smooth_grad", target=0, samples=n, dims=2).channels for n in (1, 2))
    second = 2 * two - one
    assert np.corrcoef((one - picture().numpy()).ravel(), (second - picture().numpy()).ravel())[0, 1] < 0.15


METHODS: dict[str, dict[str, Any]] = {
    "smooth_grad": {"samples": 6},
    "noise_tunnel": {"samples": 4, "of": "input_x_gradient"},
}


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_the_same_map_twice_and_another_seed_another(model: nn.Module, method: str) -> None:
    maps = [explain(model, picture(), method, target=1, seed=s, **METHODS[method]).values for s in (3, 3, 4)]
    assert np.array_equal(maps[0], maps[1])
    assert not np.allclose(maps[0], maps[2], rtol=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_drawing_leaves_the_global_generator_alone(model: nn.Module, method: str) -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    explain(model, picture(), method, target=1, **METHODS[method])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("given", [True, False])
def test_noise_stays_inside_the_mask(given: bool) -> None:
    mask = np.zeros((16, 16), bool)
    mask[2:9, 5:12] = True
    noise = {"noise": draws(3, 3, 16, 16)} if given else {}
    x = picture().double()
    found = explain(SQUARE, x, "smooth_grad", target=0, mask=mask, dims=2, samples=3, **noise)
    added = found.channels - x.float().numpy()
    assert not added[:, ~mask].any()
    assert (np.abs(added[:, mask]) > 0).all()
    tunnel = explain(SQUARE, x, "noise_tunnel", of="saliency", target=0, mask=mask, dims=2, samples=3, **noise)
    assert np.array_equal(tunnel.channels, found.channels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("statistic", ["mean", "squared", "variance"])
def test_a_batch_gives_what_its_inputs_give_alone(model: nn.Module, method: str, statistic: str) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    params = {**METHODS[method], "statistic": statistic}
    found = explain_batch(model, inputs, method, targets=[0, 3, 1], **params)
    for x, target, one in zip(inputs, (0, 3, 1), found, strict=True):
        alone = explain(model, x, method, target=target, **params)
        assert one.values == pytest.approx(alone.values, rel=1e-4, abs=1e-9)
        assert (one.error is None) == (alone.error is None) == (statistic == "variance")
        if one.error is not None:
            assert one.error == pytest.approx(alone.error, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_chunks_of_any_size_give_the_same_map(model: nn.Module, method: str) -> None:
    params = METHODS[method]
    (whole,) = steps_of(session_on(model, picture()), method, 2, **params)
    pieces = steps_of(session_on(model, picture(), 1e-9), method, 2, **params)
    fractions = [piece.meta["fraction"] for piece in pieces]
    n = params["samples"]
    assert fractions == pytest.approx([(i + 1) / n for i in range(n)])
    assert fractions[-1] == 1
    assert pieces[0].error is None
    assert pieces[-1].values == pytest.approx(whole.values, rel=1e-6, abs=1e-9)
    assert pieces[-1].error == pytest.approx(whole.error, rel=1e-6, abs=1e-9)


def test_the_error_is_the_spread_of_maps_over_seeds(model: nn.Module) -> None:
    params = {"of": "input_x_gradient", "target": 1, "samples": 30}
    maps = [explain(model, picture(), "noise_tunnel", seed=s, **params) for s in range(40)]
    spread = np.std([found.values for found in maps], axis=0, ddof=1)
    said = np.sqrt(np.mean([found.error**2 for found in maps], axis=0))
    assert (said / spread).mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_contrasts_and_callables(model: nn.Module, method: str) -> None:
    def ask(target: Any) -> np.ndarray:
        return explain(model, picture(), method, target=target, **METHODS[method]).channels

    a, b = ask(0), ask(2)
    assert ask(Contrast(0, 2)) == pytest.approx(a - b, rel=1e-4, abs=1e-6)
    assert ask(lambda logits: 2 * logits[:, 0] + logits[:, 2]) == pytest.approx(2 * a + b, rel=1e-4, abs=1e-6)


def test_noise_of_another_shape_is_told(model: nn.Module) -> None:
    for noise in (draws(3, 16, 16), draws(4, 3, 8, 8), draws(0, 3, 16, 16), draws(2, 2, 3, 16, 16)):
        with pytest.raises(ValueError, match=r"\[samples, 3, 16, 16\].*got \["):
            explain(model, picture(), "smooth_grad", noise=noise)


def test_another_target_needs_another_run(model: nn.Module) -> None:
    found = explain(model, picture(), "smooth_grad", target=1, samples=2)
    with pytest.raises(TargetNotScored, match="Run the method again"):
        found.for_target(2)

"""Gradient methods against closed forms and plain autograd."""

import pytest
import torch

from tests.zoo import Flat, Plain, Shared, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain, explain_batch


@pytest.mark.parametrize("build", [Plain, Flat, Shared])
def test_saliency_is_the_largest_gradient_magnitude_over_channels(build: type[torch.nn.Module]) -> None:
    model = trained_statistics(seeded(build)).eval()
    x = picture().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x[None])[0, 1], x)
    found = explain(model, x.detach(), "saliency", target=1)
    assert not found.signed
    assert found.channels == pytest.approx(gradient.numpy(), rel=1e-4, abs=1e-8)
    assert found.values == pytest.approx(gradient.abs().amax(0).numpy(), rel=1e-4, abs=1e-8)


def test_saliency_of_a_linear_model_is_its_weights() -> None:
    weight = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = explain(lambda batch: batch.flatten(1) @ weight.flatten(1).T, picture(side=8), "saliency", target=1, dims=2)
    assert found.values == pytest.approx(weight[1].abs().amax(0).numpy())


def test_a_contrast_is_the_gradient_of_the_difference() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    a, b = (explain(model, picture(), "saliency", target=t).channels for t in (0, 2))
    found = explain(model, picture(), "saliency", target=Contrast(0, 2))
    assert found.channels == pytest.approx(a - b, rel=1e-4, abs=1e-7)


def test_a_batch_gives_what_its_inputs_give_alone() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    inputs = torch.stack([picture(seed) for seed in range(3)])
    for x, target, found in zip(
        inputs, (0, 3, 1), explain_batch(model, inputs, "saliency", targets=[0, 3, 1]), strict=True
    ):
        assert found.values == pytest.approx(explain(model, x, "saliency", target=target).values, rel=1e-4, abs=1e-8)


def test_volumes() -> None:
    model = seeded(Volumetric).eval()
    x = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x[None])[0, 0], x)
    found = explain(model, x.detach(), "saliency", target=0)
    assert found.values == pytest.approx(gradient.abs()[0].numpy(), rel=1e-4, abs=1e-8)


def test_a_model_that_leaves_pytorch_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="occlusion"):
        explain(lambda batch: batch.numpy().reshape(len(batch), -1)[:, :4], picture(), "saliency", dims=2)

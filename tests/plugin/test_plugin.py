"""A package of one's own: installed, found, run, shown; and what happens where such a package is broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch

from tests.zoo import ZOO, picture
from xai_widget import Contrast, XaiWidget, explain, explainers
from xai_widget.attribution import Estimate
from xai_widget.engine import lent
from xai_widget.explainers import Cost, Explainer, method_classes
from xai_widget.page import method_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HEAD = "from dataclasses import dataclass\n"
SHOWN = {"id", "label", "access", "summary", "when", "formula", "cites", "refusal", "params", "cost"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `driver.py` found with the example package installed: built and installed without a network."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(HERE / "xai_captum", folder / "source")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", folder / "site", folder / "source"]
    subprocess.run(command, check=True, capture_output=True)
    path = os.pathsep.join([str(folder / "site"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(
        [sys.executable, HERE / "driver.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_its_numbers_are_those_of_captum_called_directly(done: dict[str, Any]) -> None:
    assert done["scale"] > 1e-4, "Nothing was attributed: nothing was compared."
    assert done["deep_lift"] == 0
    assert done["sums"] <= 1e-6 * done["scale"]
    assert done["shap"] <= 1e-5 * done["scale"]
    assert done["repeats"]


def test_every_row_is_asked_its_own_question(done: dict[str, Any]) -> None:
    assert done["rows"] <= 1e-6 * done["scale"]
    assert done["contrast"] <= 1e-4 * done["scale"]


def test_its_passes_through_the_model_are_counted(done: dict[str, Any]) -> None:
    assert done["passes"] == [2, 2, 8, 8]


def test_the_widget_offers_and_explains_it(done: dict[str, Any]) -> None:
    payload = done["payload"]
    assert done["widget"] == 0
    assert payload["label"] == "DeepLIFT (captum)"
    assert payload["refusal"] is None
    assert payload["described"] == {"baseline": 0.1}
    assert [each["label"] for each in payload["params"]] == ["Baseline"]
    assert payload["cost"]["forwards"] == 2


def test_it_refuses_in_its_own_words(done: dict[str, Any]) -> None:
    assert done["works"]
    assert (
        done["why_not"]
        == "DeepLIFT (captum) needs an activation module for every use; Shared uses relu more than once."
    )


# -- packages that are broken -------------------------------------------------------------------------------------------


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Install a package "other-tools" of one module, whose `Made` is registered as "made"."""

    def install(source: str) -> None:
        about = tmp_path / "other_tools-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other-tools\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[xai_widget.explainers]\nmade = other_tools:Made\n")
        (tmp_path / "other_tools.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        method_classes.cache_clear()

    yield install
    method_classes.cache_clear()
    sys.modules.pop("other_tools", None)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemError('half installed')", "SystemError: half installed"),
        ("", "AttributeError: module 'other_tools' has no attribute 'Made'"),
        ("Made = 3", "TypeError: Expected a frozen dataclass, got 3."),
        (
            f"{HEAD}@dataclass(frozen=True)\nclass Made:\n    id = 'made'",
            "TypeError: Made has no label, access, class_specific, uses_layer, refuses",
        ),
        (
            f"{HEAD}from xai_widget.explainers import Saliency\n@dataclass(frozen=True)\nclass Made(Saliency):\n    size: 'Unknown' = 1",
            "NameError: name 'Unknown' is not defined",
        ),
    ],
    ids=["import", "raises", "nothing there", "no class", "half a method", "unreadable field"],
)
def test_a_broken_package_is_named_and_left_out(registered: Callable[[str], None], source: str, reason: str) -> None:
    registered(source)
    said = "The package 'other-tools' registers the method 'made', which cannot be used and is left out."
    with pytest.warns(RuntimeWarning, match=said) as caught:
        found = method_classes()
    assert reason in str(caught[0].message)
    assert list(found) == [cls.id for cls in explainers.OWN]
    assert explain(ZOO["plain"](), picture(), "saliency").method == "saliency"


def test_a_method_that_says_nothing_of_itself_is_shown_all_the_same(registered: Callable[[str], None]) -> None:
    registered(MINIMAL)
    model, x = ZOO["plain"](), picture()
    w = XaiWidget(model, x, method="made")
    payload = method_payload(w.session, w._chosen())
    assert payload.keys() >= SHOWN
    assert (payload["label"], payload["summary"], payload["when"]) == ("Made elsewhere", "", "")
    assert w.explain().values.tolist() == [[1, 2], [3, 4]]
    assert w.attribution is not None


MINIMAL = """
from dataclasses import dataclass
import torch
from xai_widget.attribution import Estimate
from xai_widget.engine import lent
from xai_widget.explainers import Cost

@dataclass(frozen=True)
class Made:
    id = "made"
    label = "Made elsewhere"
    access = "black_box"
    class_specific = False
    uses_layer = False

    def refuses(self, facts): return None
    def refuses_layer(self, layer, facts): return "It reads no layer."
    def default_layer(self, facts): return None
    def automatic(self, facts): return {}
    def cost(self, case): return Cost(0)
    def estimates(self, case): yield Estimate(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
"""


# -- the model, lent ----------------------------------------------------------------------------------------------------


class Vandal(Explainer):
    """Does to the copy whatever foreign code may do."""

    id: ClassVar[str] = "vandal"
    label: ClassVar[str] = "Vandal"
    access: ClassVar[str] = "gradient"

    def cost(self, case: Any) -> Cost:
        del case
        return Cost(1)

    def estimates(self, case: Any) -> Iterator[Estimate]:
        def spoil(module: Any, inputs: Tensor) -> Tensor:
            for part in module.modules():
                part.register_forward_hook(lambda _module, _given, out: out * 0)
            module.network.fc = None
            module.train()
            inputs.zero_()
            return inputs[:, 0]

        yield Estimate(case.on_module(spoil))


def test_nothing_that_foreign_code_does_to_its_copy_is_left() -> None:
    model, x = ZOO["plain"](), picture()
    kept = x.clone()
    expected = explain(model, x, "saliency", target=1).values
    assert (explain(model, x, Vandal(), target=1).values == 0).all()
    assert (x == kept).all()
    found = explain(model, x, "saliency", target=1)
    assert found.values == pytest.approx(expected, abs=0)
    assert found.values.max() > 0
    assert explain(model, x, "occlusion", window=4, stride=4, target=1).values.any()


@dataclass(frozen=True)
class GradientHere(Explainer):
    """The gradient, by hand, through the module that is lent."""

    id: ClassVar[str] = "gradient_here"
    label: ClassVar[str] = "Gradient here"
    access: ClassVar[str] = "gradient"

    def cost(self, case: Any) -> Cost:
        return Cost(len(case.inputs), len(case.inputs))

    def estimates(self, case: Any) -> Iterator[Estimate]:
        def gradient(module: Any, inputs: Tensor) -> Tensor:
            leaf = inputs.requires_grad_()
            scores = module(leaf)
            assert scores.shape == (1,)
            return torch.autograd.grad(scores.sum(), leaf)[0]

        channels = case.on_module(gradient)
        yield Estimate(channels.abs().amax(1), signed=False, channels=channels)


@pytest.mark.parametrize("target", [2, Contrast(1, 2), lambda logits: logits[..., :2].sum(-1)])
@pytest.mark.parametrize("wrapped", [False, True], ids=["module", "function"])
def test_the_module_gives_the_score_that_is_asked_about(target: Any, wrapped: bool) -> None:
    network, x = ZOO["plain"](), picture()

    def function(batch: Tensor) -> Tensor:
        return network(batch)

    found = explain(function if wrapped else network, x, GradientHere(), target=target)
    assert found.channels == pytest.approx(explain(network, x, "saliency", target=target).channels, abs=1e-7)
    assert (found.meta["forwards"], found.meta["backwards"]) == (1, 1)


def test_a_model_that_cannot_be_copied_is_not_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent, "make_shadow", lambda _: None)
    with pytest.raises(ValueError, match="Plain cannot be copied, and foreign code works on a copy only"):
        explain(ZOO["plain"](), picture(), GradientHere(), target=1)

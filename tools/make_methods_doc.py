"""Write `docs/methods.md` from the registry of methods and from what was measured of them (`docs/methods.json`).

python -m tools.make_methods_doc
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools.measure_methods import FAILS, PASSES, verdict
from xai_widget.explainers import Method, Parameter, method_classes, parameters_of

DOCS: Final = Path(__file__).parent.parent / "docs"
ACCESS: Final = {"black_box": "black box", "gradient": "gradients", "white_box": "layers"}
HEAD: Final = """# Methods

This page is generated from the methods themselves (`python -m tools.make_methods_doc`). In a notebook, `methods()` lists
them, and `methods(model)` says which of them work on a model, and why the others do not.

**Access** is what a method needs of a model: *black box* runs it and reads the scores, *gradients* differentiates it,
*layers* looks inside. **Cost** is in model evaluations of one input at default parameters, on the 128×128 pictures of the
embedded networks; "F" is a forward, "B" a backward. **Signed** maps say what speaks against the target too.
**Weights anew** is the rank correlation of the map's magnitudes with those of a network whose weights were drawn anew (mean
over photos and draws): a map that explains the network must change, so less is better. Below {passes} passes, above {fails}
fails; between them, part of what is seen belongs to the picture rather than to the network. **Upper half anew**: only the
upper half of the layers, where the classes are told apart, was drawn anew. A map that hardly changes then ("fails") shows
what lower layers see, whatever the answer; it is no evidence for a class. **Randomisation** is the verdict that the
widget shows, by the larger of the two. All values were measured.

**Volumes.** Every method takes pictures `[C, H, W]` and volumes `[C, D, H, W]` by the same formula; the two that follow
attention need tokens that tile the volume, and refuse windows (Swin) and merged keys (MViT) in two dimensions as in three.
`mask=` (an array, a NIfTI image or its path) says what is foreground: noise, windows, masks, superpixels and baselines
stay inside, windows that do not touch it are not run, and "mean" and "noise" take their numbers from it. Regions of LIME
and Kernel SHAP are SLIC's supervoxels, as long in mm along every axis where the affine is known, or those of an atlas
(`segments=`). Every number of an atlas is a region, 0 too; `mask=atlas > 0` leaves the background alone. The table by
region is `arrays["numbers"]` beside `arrays["coefficients"]` and `arrays["errors"]`.

"""
TARGETS: Final = """
## What can be asked

| target | written as | what is explained |
|---|---|---|
| a class | `target=3` or `target="tabby"` | its logit |
| A rather than B | `target=Contrast("tabby", "tiger cat")` | the difference of the two logits, A − B |
| anything else | `target=lambda logits: logits[:, :5].logsumexp(1)` | the function's value |

All class-specific methods take all of them. Methods that perturb apply the target to the scores they measured: another
target costs no model evaluation. Methods of the CAM family and those that differentiate take the gradient of the target.
`lrp` starts from ∂target/∂logits ⊙ logits, which is the logit for a class and the difference of the logits for a contrast.
`cam` reads the classifier's weights for ∂target/∂logits. A contrast switches the ReLU of the CAM family off.

"""


def page() -> str:
    """Return the text of `docs/methods.md`."""
    measured = json.loads((DOCS / "methods.json").read_text())
    classes = method_classes()
    head = HEAD.format(passes=PASSES, fails=FAILS)
    return head + "\n".join([*_table(classes, measured), TARGETS, *_sections(classes)]) + "\n"


def _table(classes: Mapping[str, type[Method]], measured: Mapping[str, Any]) -> Iterator[str]:
    yield "| id | method | access | class-specific | signed | cost | randomisation | weights anew | upper half anew |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, cls in classes.items():
        facts = measured[name]
        cells = (
            f"[`{name}`](#{name})",
            cls.label,
            ACCESS[cls.access],
            "yes" if cls.class_specific else "no",
            "yes" if getattr(cls(), "signed", True) else "no",
            _cost(facts),
            getattr(cls, "randomisation", "unknown"),
            *(f"{facts[part]:.2f} {verdict(facts[part])}" for part in ("randomised", "upper_half_randomised")),
        )
        yield f"| {' | '.join(cells)} |"


def _cost(facts: Mapping[str, Any]) -> str:
    backwards = f" + {facts['backwards']} B" if facts["backwards"] else ""
    return f"{facts['forwards']} F{backwards}"


def _sections(classes: Mapping[str, type[Method]]) -> Iterator[str]:
    for name, cls in classes.items():
        yield f'<a id="{name}"></a>\n\n## {cls.label}\n'
        yield f"`{name}` · {cls.summary}\n"
        yield f"    {cls.formula}\n"
        yield f"**When.** {cls.when}\n"
        yield f"**A value is** {getattr(cls(), 'unit', '')}.\n"
        yield f"**Evaluations.** {cls.evaluations}.\n"
        yield f"**Reference.** {cls.cites}.\n"
        yield from _parameters(cls)


def _parameters(cls: type[Method]) -> Iterator[str]:
    parameters = parameters_of(cls)
    if not parameters:
        yield "No parameters.\n"
        return
    yield "| parameter | default | values | what it does |"
    yield "|---|---|---|---|"
    for parameter in parameters:
        default = "auto" if parameter.default is None else repr(parameter.default)
        yield f"| `{parameter.name}` | {default} | {_values(parameter)} | {parameter.about.help} |"
    yield ""


def _values(parameter: Parameter) -> str:
    if parameter.kind == "bool":
        return "True, False"
    words = ", ".join(f"{choice!r}" for choice in parameter.choices)
    number = f"{parameter.kind}{_range(parameter)}" if parameter.kind in {"int", "float"} else ""
    extra = "a number" if parameter.numeric else ""
    array = "an array" if parameter.arrays else ""
    method = "a method object" if parameter.objects else ""
    return ", ".join(filter(None, (words, number, extra, array, method)))


def _range(parameter: Parameter) -> str:
    low, high = parameter.about.minimum, parameter.about.maximum
    return (
        ""
        if low is None and high is None
        else f" {low if low is not None else ''} … {high if high is not None else ''}"
    )


def main() -> None:
    """Write the page."""
    (DOCS / "methods.md").write_text(page())


if __name__ == "__main__":
    main()

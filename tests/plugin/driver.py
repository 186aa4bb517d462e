"""What a person does with the example package: run by the test, with the package on the path; prints JSON."""

import json

import numpy as np
import torch
from captum.attr import DeepLift, GradientShap

from tests.traces import Record
from tests.zoo import ZOO, picture
from xai_widget import Contrast, XaiWidget, explain, explain_batch, methods
from xai_widget.page import method_payload

model, x, y = ZOO["plain"](), picture(1), picture(2)
before = Record(model)
ours = explain(model, x, "captum_deep_lift", target=2, baseline=0.1)
shap = explain(model, x, "captum_gradient_shap", target=2, samples=8, seed=3)
again = explain(model, x, "captum_gradient_shap", target=2, samples=8, seed=3)
pair = explain_batch(model, [x, y], "captum_deep_lift", targets=[1, 2])
contrast = explain(model, x, "captum_deep_lift", target=Contrast(1, 2))
single = [explain(model, x, "captum_deep_lift", target=index).values for index in (1, 2)]
before.assert_same(model)

theirs = DeepLift(model).attribute(x[None], torch.full_like(x[None], 0.1), target=2)[0].detach().numpy()
torch.manual_seed(3)
np.random.seed(3)  # noqa: NPY002 - what captum draws from
expected = GradientShap(model).attribute(x[None], torch.zeros_like(x[None]), n_samples=8, stdevs=0.1, target=2)
w = XaiWidget(model, x, method="captum_deep_lift", target=2, params={"baseline": 0.1})
payload = method_payload(w.session, w._chosen())
table = {row.id: row for row in methods(ZOO["shared modules"](), x)}
print(
    json.dumps(
        {
            "deep_lift": float(np.abs(ours.channels - theirs).max()),
            "scale": float(np.abs(theirs).max()),
            "sums": float(np.abs(ours.values - theirs.sum(0)).max()),
            "shap": float(np.abs(shap.channels - expected[0].detach().numpy()).max()),
            "repeats": bool((shap.values == again.values).all()),
            "rows": float(np.abs(pair[1].values - explain(model, y, "captum_deep_lift", target=2).values).max()),
            "contrast": float(np.abs(contrast.values - (single[0] - single[1])).max()),
            "passes": [ours.meta["forwards"], ours.meta["backwards"], shap.meta["forwards"], shap.meta["backwards"]],
            "widget": float(np.abs(w.explain().values - ours.values).max()),
            "payload": payload,
            "works": table["captum_gradient_shap"].works,
            "why_not": table["captum_deep_lift"].why_not,
        }
    )
)

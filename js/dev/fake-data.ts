import type { LayerPayload, MethodPayload, ParamPayload } from "../src/protocol";

const number = (name: string, label: string, help: string, rest: Partial<ParamPayload>): ParamPayload => ({
  name,
  label,
  help,
  kind: "int",
  default: null,
  auto: null,
  min: null,
  max: null,
  step: null,
  choices: null,
  ...rest,
});

export const LAYERS: LayerPayload[] = [
  { name: "conv1", type: "Conv2d", shape: [64, 112, 112], calls: 1 },
  { name: "bn1", type: "BatchNorm2d", shape: [64, 112, 112], calls: 1 },
  { name: "maxpool", type: "MaxPool2d", shape: [64, 56, 56], calls: 1 },
  ...[1, 2, 3, 4].flatMap((stage) => {
    const shape = [64 * 2 ** (stage - 1), 112 / 2 ** stage, 112 / 2 ** stage];
    return [`layer${stage}.0`, `layer${stage}.1`, `layer${stage}`].map((name) => ({
      name,
      type: "BasicBlock",
      shape,
      calls: 1,
    }));
  }),
  { name: "avgpool", type: "AdaptiveAvgPool2d", shape: [512, 1, 1], calls: 1 },
  { name: "fc", type: "Linear", shape: [1000], calls: 1 },
];

const suits = LAYERS.map(({ name }) => {
  if (name === "avgpool" || name === "fc") {
    return "The layer has no spatial extent left, so there is no map to draw.";
  }
  return null;
});

const RELU = number("relu", "ReLU", "Keep only what speaks for the class.", { kind: "bool", default: true });
const STEPS = number("steps", "Steps", "Points on the path from the baseline to the picture.", {
  default: 32,
  min: 4,
  max: 256,
  step: 4,
});
const BASELINE = number("baseline", "Baseline", "The picture in which there is nothing to see.", {
  kind: "choice",
  default: "black",
  choices: ["black", "white", "blur", "noise"],
});
const WINDOW = number("window", "Window", "Side of the covered square in pixels.", {
  auto: 32,
  min: 4,
  max: 112,
  step: 1,
});
const STRIDE = number("stride", "Stride", "How far the square moves, in pixels. Smaller is finer and slower.", {
  auto: 18,
  min: 1,
  max: 64,
  step: 1,
});
const FILL = number("fill", "Fill", "What covers the picture.", {
  kind: "choice",
  default: "zero",
  choices: ["zero", "mean", "blur"],
});
const SIGMA = number("sigma", "Noise", "Standard deviation, relative to the input's range.", {
  kind: "float",
  default: 0.15,
  min: 0,
  max: 1,
  step: 0.01,
});
const SAMPLES = number("samples", "Samples", "How many noisy copies are averaged.", {
  default: 25,
  min: 1,
  max: 500,
  step: 1,
});
const SEED = number("seed", "Seed", "The same seed gives the same map.", { default: 0, min: 0 });

function method(
  id: string,
  label: string,
  access: MethodPayload["access"],
  summary: string,
  params: ParamPayload[],
  rest: Partial<MethodPayload> = {},
): MethodPayload {
  return {
    id,
    label,
    access,
    class_specific: true,
    signed: access === "black_box",
    unit: access === "black_box" ? "fall of the logit" : "",
    randomisation: access === "gradient" ? "partly" : "passes",
    summary,
    when: "When a network has a layer with positions, and a coarse answer is enough.",
    formula: "L = ReLU( Σ_k α_k A_k ),   α_k = 1/Z Σ_ij ∂y_c / ∂A_k(i, j)",
    cites: "Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks, ICCV 2017",
    refusal: null,
    params,
    described: {},
    uses_layer: access === "white_box",
    layer_refusals: access === "white_box" ? suits : LAYERS.map(() => null),
    default_layer: access === "white_box" ? "layer4" : null,
    film: access === "white_box",
    cost: { forwards: 1, backwards: access === "black_box" ? 0 : 1, seconds: 0.08 },
    auto: true,
    ...rest,
  };
}

export const METHODS: MethodPayload[] = [
  method("grad_cam", "Grad-CAM", "white_box", "Which places of a layer speak for the class, by its gradient.", [RELU]),
  method("layer_cam", "Layer-CAM", "white_box", "Grad-CAM with a weight of its own for every place.", [RELU]),
  method("cam", "CAM", "white_box", "The head's own weights, spread over the last layer.", [], {
    refusal: "CAM needs a network that ends in global average pooling and one linear layer; this one ends in two.",
  }),
  method("saliency", "Saliency", "gradient", "How fast the score changes with each pixel.", []),
  method("integrated_gradients", "Integrated Gradients", "gradient", "Gradients along a path from a baseline.", [
    STEPS,
    BASELINE,
  ]),
  method("smooth_grad", "SmoothGrad", "gradient", "Saliency, averaged over noisy copies of the picture.", [
    SAMPLES,
    SIGMA,
    SEED,
  ]),
  method("lrp", "LRP", "gradient", "Relevance handed back layer by layer.", [], {
    refusal: "LRP has no rule for torch.nn.MultiheadAttention (encoder.layers.0.self_attention).",
  }),
  method(
    "occlusion",
    "Occlusion",
    "black_box",
    "How far the score falls when a square of the picture is covered.",
    [WINDOW, STRIDE, FILL],
    { cost: { forwards: 196, backwards: 0, seconds: 2.1 } },
  ),
  method("rise", "RISE", "black_box", "Random masks, weighted by the score that survives them.", [SAMPLES, SEED], {
    cost: { forwards: 4000, backwards: 0, seconds: 48 },
  }),
  method("attention_rollout", "Attention rollout", "white_box", "How attention flows from the patches.", [], {
    class_specific: false,
    refusal: "The model has no attention layers.",
  }),
];

const NAMED: Record<number, [string, number]> = {
  281: ["tabby, tabby cat", 0.563],
  282: ["tiger cat", 0.214],
  285: ["Egyptian cat", 0.131],
  165: ["black-and-tan coonhound, hound", 0.031],
  287: ["lynx, catamount", 0.0184],
  904: ["window screen", 0.0042],
  283: ["Persian cat", 0.00041],
  478: ["carton", 0.0002],
};

export const LABELS = Array.from({ length: 1000 }, (_, index) => NAMED[index]?.[0] ?? `class number ${index}`);
export const PROBABILITIES = Float32Array.from(LABELS, (_, index) => NAMED[index]?.[1] ?? 3e-5 / (1 + (index % 17)));

/** A map with a peak on the cat's face, at the size and of the kind each method would give. */
export function fakeMap(
  id: string,
  width: number,
  height: number,
  kind: string,
): { shape: number[]; values: Float32Array } {
  const fine = id === "occlusion" || id === "integrated_gradients" || id === "saliency" || id === "smooth_grad";
  const [rows, columns] = fine ? [height, width] : [7, 7];
  const values = new Float32Array(rows * columns);
  const bump = (x: number, y: number, cx: number, cy: number, size: number) =>
    Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size * size));
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = (column + 0.5) / columns;
      const y = (row + 0.5) / rows;
      const ripple = fine ? 1 + 0.5 * Math.sin(60 * x + 40 * y) * Math.sin(50 * y) : 1;
      const value = 0.0123 * ripple * (bump(x, y, 0.5, 0.36, 0.17) - 0.7 * bump(x, y, 0.85, 0.85, 0.15));
      values[row * columns + column] = kind === "zero" ? 0 : value;
    }
  }
  return { shape: [rows, columns], values };
}

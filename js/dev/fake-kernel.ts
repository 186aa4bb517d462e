import { DEFAULT_VIEW, IDLE, type RequestId, type Status, type Traits, type WireTarget } from "../src/protocol";
import { fakeMap, LABELS, LAYERS, METHODS, PROBABILITIES } from "./fake-data";
import type { FakeModel } from "./fake-model";
import { fakeSolidMap, fakeVolume } from "./fake-volume";

/** What the harness can show; anything else is the plain case. */
export const CASES = {
  plain: {},
  signed: { method: "occlusion" },
  zero: {},
  contrast: { target: { target: 281, foil: 282 } },
  far: { target: 404 },
  refused: { method: "cam" },
  running: { method: "occlusion" },
  queued: {},
  error: {},
  idle: { auto_run: false },
  manual: { auto_run: false },
  empty: {},
  few: {},
  gallery: {},
  volume: {},
  "volume-signed": { method: "occlusion" },
  "volume-unknown": {},
  "volume-large": {},
  bare: { controls: ["display"] },
  cells: { view: { ...DEFAULT_VIEW, cells: true, threshold: 0.3 } },
} satisfies Record<string, Partial<Traits>>;

export interface FakeKernel {
  readonly traits: Traits;
  attach(model: FakeModel): void;
}

/** Answers as the real kernel does: status first, then results, every message under its own id. */
export function createFakeKernel(name: string, photo: ImageData): FakeKernel {
  const traits: Traits = {
    method: "grad_cam",
    params: {},
    target: null,
    layer: null,
    view: DEFAULT_VIEW,
    active: 0,
    controls: null,
    locale: null,
    auto_run: true,
    auto_runs: {},
    expert: true,
    pins: [],
    status: IDLE,
    ...(CASES as Record<string, Partial<Traits>>)[name],
  };
  return {
    traits,
    attach(model) {
      let requests = 0;
      const status = (change: Partial<Status>) => model.push("status", { ...model.get("status"), ...change });
      const start = (given?: RequestId) => {
        requests += 1;
        run(model, name, photo, given ?? requests, status);
      };
      model.answer = (what) => {
        if ("traits" in what) {
          const asks = ["method", "params", "target", "layer", "active"].some((key) => key in what.traits);
          if (asks && model.get("auto_run")) {
            start();
          }
          return;
        }
        const { kind, request_id } = what.message;
        if (name === "empty") {
          return;
        }
        if (kind === "hello") {
          tellSession(model, name, photo, request_id);
          if (name !== "idle") {
            start();
          }
        } else if (kind === "run") {
          start(request_id);
        }
        const message = kind === "cancel" ? "Will stop when the running cell ends." : "";
        model.tell({ kind: "ack", request_id, of: kind, message });
      };
    },
  };
}

function tellSession(model: FakeModel, name: string, photo: ImageData, request: string): void {
  const pixels = new Uint8Array(photo.width * photo.height * 3);
  for (let i = 0; i < photo.width * photo.height; i++) {
    pixels.set(photo.data.subarray(4 * i, 4 * i + 3), 3 * i);
  }
  const few = name === "few";
  const probabilities = few ? Float32Array.of(0.9996, 0.0003, 0.0001) : PROBABILITIES;
  const session = {
    index: model.get("active"),
    names: name === "gallery" ? ["cat.jpg", "dog.jpg", "scene with a rather long file name.png"] : ["cat.jpg"],
    picture: { shape: [photo.height, photo.width, 3], dtype: "uint8", buffer: 0 },
    volume: null,
    probabilities: { shape: [probabilities.length], dtype: "float32", buffer: 1 },
    labels: few ? ["benign", "malignant", "unclear"] : LABELS,
    activation: "softmax",
    notes: [
      "Preprocessing: resize 256, centre crop 224, mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225) — from the weights.",
      "Labels: ImageNet-1k, assumed because the model has 1000 outputs.",
      "Activation: softmax.",
    ],
    bound: {},
    methods: METHODS,
    layers: LAYERS,
    model: "ResNet, 11.7 M parameters",
  };
  if (name.startsWith("volume")) {
    const { picture, volume, voxels } = fakeVolume(name);
    const solid = { ...session, picture, volume, names: ["sub-01_T1w.nii.gz"] };
    model.tell({ kind: "session", request_id: request, session: solid }, [voxels.buffer, probabilities.slice().buffer]);
    return;
  }
  model.tell({ kind: "session", request_id: request, session }, [pixels.buffer, probabilities.slice().buffer]);
}

function run(
  model: FakeModel,
  name: string,
  photo: ImageData,
  request: RequestId,
  status: (change: Partial<Status>) => void,
): void {
  const method = METHODS.find(({ id }) => id === model.get("method")) ?? METHODS[0];
  status({ state: "queued", request_id: request, fraction: 0, message: "", eta_s: null });
  if (name === "queued") {
    return;
  }
  status({ state: "running", fraction: 0.42, message: `${method.label}: 82 of 196`, eta_s: 3.4 });
  const failing = name === "error" || method.refusal !== null;
  if (name !== "refused") {
    tellResult(model, name, photo, failing ? 0 : request, name !== "running");
  }
  if (failing) {
    const error = {
      title: "The model failed in its forward pass",
      hint: "mat1 and mat2 shapes cannot be multiplied (1x2048 and 512x1000): does the picture have the size the model expects?",
      traceback: `Traceback (most recent call last):\n  File "model.py", line 12, in forward\n    return self.fc(x)\nRuntimeError: mat1 and mat2 shapes cannot be multiplied`,
    };
    model.tell({ kind: "error", request_id: request, error });
    status({ state: "error", fraction: 0, message: error.title, eta_s: null });
  } else if (name !== "running") {
    status({ state: "done", fraction: 1, message: "", eta_s: null });
  }
}

function tellResult(model: FakeModel, name: string, photo: ImageData, request: RequestId, final: boolean): void {
  const method = METHODS.find(({ id }) => id === model.get("method")) ?? METHODS[0];
  const { shape, values } = name.startsWith("volume")
    ? fakeSolidMap(method.id)
    : fakeMap(method.id, photo.width, photo.height, name);
  const signed = method.id === "occlusion" || method.id === "integrated_gradients";
  const shown = signed ? values : values.map((value) => Math.max(value, 0));
  const result = {
    session: model.get("active"),
    method: method.id,
    method_label: method.label,
    params: model.get("params"),
    target: model.get("target"),
    target_label: targetLabel(model.get("target")),
    layer: method.uses_layer ? (model.get("layer") ?? method.default_layer) : null,
    signed,
    unit: method.unit,
    shape,
    dtype: "float32",
    minimum: shown.reduce((least, value) => Math.min(least, value)),
    maximum: shown.reduce((most, value) => Math.max(most, value)),
    fraction: final ? 1 : 0.42,
    final,
    seconds: method.cost.seconds ?? 0,
    forwards: method.cost.forwards,
    has_error: false,
    notes: name === "zero" ? ["The map is all zero: no place of the layer speaks for this class."] : [],
  };
  model.tell({ kind: "result", request_id: request, result }, [shown.slice().buffer]);
}

function targetLabel(target: WireTarget): string {
  if (target === null || typeof target === "number") {
    return LABELS[target ?? 281];
  }
  return "foil" in target ? `${LABELS[target.target]} rather than ${LABELS[target.foil]}` : target.callable;
}

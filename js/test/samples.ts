import type { Regions, Result, Session } from "../src/paint/decode";
import {
  DEFAULT_VIEW,
  IDLE,
  type KernelMessage,
  type MethodPayload,
  type ParamPayload,
  type ResultPayload,
  type SessionPayload,
  type Status,
  type Traits,
} from "../src/protocol";

export const RESULT: ResultPayload = {
  session: 0,
  method: "occlusion",
  method_label: "Occlusion",
  params: {},
  target: null,
  target_label: "cat",
  layer: null,
  signed: false,
  unit: "",
  shape: [1, 2],
  dtype: "float32",
  minimum: 0,
  maximum: 1,
  fraction: 1,
  final: true,
  seconds: 0.5,
  forwards: 10,
  notes: [],
  has_error: false,
};

export const WINDOW: ParamPayload = {
  name: "window",
  label: "Window",
  help: "",
  kind: "int",
  default: null,
  auto: 32,
  min: 1,
  max: 64,
  step: 1,
  choices: null,
};

export const OCCLUSION: MethodPayload = {
  id: "occlusion",
  label: "Occlusion",
  access: "black_box",
  class_specific: true,
  signed: true,
  unit: "fall of the logit",
  randomisation: "passes",
  summary: "",
  when: "",
  formula: "",
  cites: "",
  refusal: null,
  params: [WINDOW],
  described: { window: null },
  uses_layer: false,
  layer_refusals: [],
  default_layer: null,
  film: false,
  cost: { forwards: 50, backwards: 0, seconds: null },
  auto: true,
};

export const SESSION: SessionPayload & { volume: null } = {
  index: 0,
  names: ["cat.png"],
  picture: { shape: [1, 2, 3], dtype: "uint8", buffer: 0 },
  volume: null,
  probabilities: { shape: [2], dtype: "float32", buffer: 1 },
  labels: ["cat", "dog"],
  activation: "softmax",
  notes: [],
  bound: {},
  methods: [],
  layers: [],
  model: "Net",
};

export function result(values: number[], change: Partial<Result> = {}): Result {
  return {
    ...RESULT,
    depth: 1,
    rows: 1,
    columns: values.length,
    values: Float32Array.from(values),
    errors: null,
    ...change,
  };
}

/** A session whose picture has these bytes, three a pixel. */
export function session(width: number, height: number, pixels: Uint8Array): Session {
  return { ...SESSION, volume: null, width, height, pixels, probabilities: Float32Array.of(0.75, 0.25) };
}

export function regions(width: number, height: number, labels: Uint8Array): Regions {
  return { session: 0, of: 1, shape: [height, width], quantity: "probability", fill: "blur", regions: [], labels };
}

/** A buffer as a host may deliver it: a window into a larger one, at an offset no array could start at. */
export function windowed(data: Uint8Array | Float32Array): DataView {
  const larger = new Uint8Array(data.byteLength + 10);
  larger.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 5);
  return new DataView(larger.buffer, 5, data.byteLength);
}

export const SESSION_BUFFERS = [windowed(Uint8Array.of(1, 2, 3, 4, 5, 6)), windowed(Float32Array.of(0.75, 0.25))];

export function sessionMessage(change: Partial<SessionPayload> = {}): KernelMessage {
  return { kind: "session", request_id: null, session: { ...SESSION, ...change } };
}

export function resultMessage(id: number | string, change: Partial<ResultPayload> = {}): KernelMessage {
  return { kind: "result", request_id: id, result: { ...RESULT, ...change } };
}

export const RESULT_BUFFERS = [windowed(Float32Array.of(0.25, 1))];

export function status(state: Status["state"], id: number | string | null): Status {
  return { state, request_id: id, fraction: 0, message: "", eta_s: null };
}

/** What a widget is set to before anybody touches it. */
export const TRAITS: Traits = {
  method: "occlusion",
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
};

/**
 * What crosses the wire between the widget in the kernel and its views in the browser.
 *
 * Settings are synced traits (the host coalesces them, the last value wins); events are messages, each answered under
 * its own `request_id`. `xai_widget/widget/protocol.py` describes the same, and a test compares the two.
 */

export const CLIENT_KINDS = ["hello", "run", "cancel"] as const;
export const KERNEL_KINDS = ["session", "method", "result", "error", "ack", "superseded", "cancelled"] as const;
export const STATES = ["idle", "queued", "running", "done", "cancelled", "error"] as const;
export const TRAITS = [
  "method",
  "params",
  "target",
  "layer",
  "view",
  "active",
  "controls",
  "locale",
  "auto_run",
  "status",
] as const;
export const CONTROLS = ["method", "layer", "params", "display", "predictions"] as const;
export const MODES = ["overlay", "map", "image"] as const;

export type ClientKind = (typeof CLIENT_KINDS)[number];
export type KernelKind = (typeof KERNEL_KINDS)[number];
export type State = (typeof STATES)[number];
export type Trait = (typeof TRAITS)[number];
export type Control = (typeof CONTROLS)[number];
export type Mode = (typeof MODES)[number];

export type RequestId = number | string;
/** An array never leaves the kernel: the page knows it by its shape, and sends this back to keep it. */
export interface GivenArray {
  array: string;
}
export type Value = number | string | boolean | null | GivenArray;
/** null asks about the predicted class; a foil makes it "this class rather than that one". */
export type WireTarget = null | number | { target: number; foil: number } | { callable: string };
export type WireLayer = null | string | string[];

export interface View {
  opacity: number;
  threshold: number;
  gamma: number;
  colormap: string;
  cells: boolean;
  mode: Mode;
}

export interface Status {
  state: State;
  request_id: RequestId | null;
  fraction: number;
  message: string;
  eta_s: number | null;
}

export interface Traits {
  method: string;
  params: Record<string, Value>;
  target: WireTarget;
  layer: WireLayer;
  view: Partial<View>;
  active: number;
  controls: Control[] | null;
  locale: string | null;
  auto_run: boolean;
  status: Status;
}

export interface ParamPayload {
  name: string;
  label: string;
  help: string;
  kind: "int" | "float" | "bool" | "choice";
  default: Value;
  /** What a default of null comes to on this model and picture. */
  auto: Value;
  min: number | null;
  max: number | null;
  step: number | null;
  choices: Value[] | null;
}

export interface MethodPayload {
  id: string;
  label: string;
  access: "black_box" | "gradient" | "white_box";
  class_specific: boolean;
  summary: string;
  /** When to use it, and when not. */
  when: string;
  formula: string;
  cites: string;
  /** Why this model cannot be explained so, or null. */
  refusal: string | null;
  params: ParamPayload[];
  /** The parameters for which cost and layers are told. */
  described: Record<string, Value>;
  uses_layer: boolean;
  /** One entry per layer of the session: why the layer makes no sense for the method, or null. */
  layer_refusals: (string | null)[];
  default_layer: string | null;
  cost: { forwards: number; backwards: number; seconds: number | null };
}

export interface LayerPayload {
  name: string;
  type: string;
  /** Without the batch: channels first. */
  shape: number[];
  calls: number;
}

export interface SessionPayload {
  index: number;
  names: string[];
  picture: { shape: [number, number, number]; dtype: "uint8"; buffer: number };
  probabilities: { shape: [number]; dtype: "float32"; buffer: number };
  labels: string[];
  activation: string;
  notes: string[];
  methods: MethodPayload[];
  layers: LayerPayload[];
  model: string;
}

export interface ResultPayload {
  session: number;
  method: string;
  method_label: string;
  params: Record<string, Value>;
  target: WireTarget;
  target_label: string;
  layer: WireLayer;
  signed: boolean;
  shape: number[];
  dtype: "float32";
  minimum: number;
  maximum: number;
  fraction: number;
  final: boolean;
  seconds: number;
  forwards: number;
  notes: string[];
}

export interface ErrorPayload {
  title: string;
  hint: string;
  traceback: string;
}

export interface ClientMessage {
  kind: ClientKind;
  request_id: string;
}

export type KernelMessage =
  | { kind: "session"; request_id: string | null; session: SessionPayload }
  | { kind: "method"; request_id: null; session: number; method: MethodPayload }
  | { kind: "result"; request_id: RequestId; result: ResultPayload }
  | { kind: "error"; request_id: RequestId | null; error: ErrorPayload }
  | { kind: "ack"; request_id: string; of: ClientKind; message: string }
  | { kind: "superseded"; request_id: RequestId }
  | { kind: "cancelled"; request_id: RequestId };

export const IDLE: Status = { state: "idle", request_id: null, fraction: 0, message: "", eta_s: null };

export const DEFAULT_VIEW: View = {
  opacity: 0.5,
  threshold: 0,
  gamma: 1,
  colormap: "auto",
  cells: false,
  mode: "overlay",
};

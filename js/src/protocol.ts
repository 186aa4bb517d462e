/**
 * What crosses the wire between the widget in the kernel and its views in the browser.
 *
 * Settings are synced traits (the host coalesces them, the last value wins); events are messages, each answered under
 * its own `request_id`. `xai_widget/widget/protocol.py` describes the same, and a test compares the two.
 */

export const CLIENT_KINDS = [
  "hello",
  "run",
  "cancel",
  "probe",
  "regions",
  "film",
  "pin",
  "unpin",
  "arrange",
  "compare",
  "photo",
  "save",
  "freeze",
] as const;
export const KERNEL_KINDS = [
  "session",
  "method",
  "result",
  "error",
  "ack",
  "superseded",
  "cancelled",
  "probed",
  "regions",
  "brush",
  "film",
  "pinned",
  "other",
  "gallery",
  "saved",
  "words",
] as const;
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
  "auto_runs",
  "expert",
  "pins",
  "status",
] as const;
export const CONTROLS = [
  "predictions",
  "method",
  "layer",
  "params",
  "display",
  "cover",
  "predict",
  "compare",
  "photo",
  "save",
] as const;
export const MODES = ["overlay", "side", "curtain", "map", "contours", "regions", "image"] as const;
export const LAYOUTS = ["panes", "montage"] as const;
export const FILLS = ["blur", "mean", "grey", "noise"] as const;

export type ClientKind = (typeof CLIENT_KINDS)[number];
export type KernelKind = (typeof KERNEL_KINDS)[number];
export type State = (typeof STATES)[number];
export type Trait = (typeof TRAITS)[number];
export type Control = (typeof CONTROLS)[number];
export type Mode = (typeof MODES)[number];
/** How a volume is laid out: three planes that meet at the crosshair, or a montage of slices of one plane. */
export type Layout = (typeof LAYOUTS)[number];
/** What stands in a place that was covered. */
export type CoverFill = (typeof FILLS)[number];

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
  /** The percentile of the values that gets the strongest colour: 100 is the maximum. */
  clip: number;
  /** Where the curtain hangs, from the left (0) to the right (1): the heat map is left of it. */
  curtain: number;
  /** Draw the box of the largest region above `box_threshold` of the maximum. */
  box: boolean;
  box_threshold: number;
  /** One scale for everything that is compared. */
  shared: boolean;
  /**
   * What follows is about volumes; pictures take no notice of it. Of the modes, volumes know overlay, map, contours and
   * image; the others are drawn as overlay.
   *
   * A voxel by its stored indices, where the three planes meet; null: the middle, floor(n / 2) of each axis. What lies
   * beyond a volume is moved to its nearest voxel.
   */
  crosshair: [number, number, number] | null;
  layout: Layout;
  /** Which of the session's planes the montage shows: 0, 1 or 2. */
  plane: number;
  /** How many slices the montage shows, evenly spaced: 4 ... 30. */
  tiles: number;
  /** The patient's left on the right of the axial and the coronal plane, as radiologists look at it. */
  radiological: boolean;
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
  /** By method: whether it runs by itself, where somebody has said so. */
  auto_runs: Record<string, boolean>;
  /** Whether everything is shown, or only what a first look needs. */
  expert: boolean;
  /** What is pinned, by number, in order. */
  pins: number[];
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
  /** Whether a map about one class can be negative, with the parameters described. */
  signed: boolean;
  /** What a value of the map is, in short words; empty where the method does not say. */
  unit: string;
  /** Whether the map changes as it must when the network's weights are drawn anew. */
  randomisation: "passes" | "fails" | "partly" | "unknown";
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
  /** Whether one pass gives the maps of all layers. */
  film: boolean;
  cost: { forwards: number; backwards: number; seconds: number | null };
  /** Whether a changed setting starts it by itself where nobody has said; an expensive one waits for Run. */
  auto: boolean;
}

export interface LayerPayload {
  name: string;
  type: string;
  /** Without the batch: channels first. */
  shape: number[];
  calls: number;
}

/**
 * How one plane of a volume is shown. `axis`, `rows` and `columns` are stored axes: the one cut across, the one shown
 * downward and the one shown to the right; `flip_rows` and `flip_columns` tell whether that one is shown backwards.
 *
 * The planes of a session are the neurological ones. `radiological` mirrors those named axial and coronal: flip_columns
 * turns round, and the marks of left and right change places.
 */
export interface PlanePayload {
  /** By stored axis where there is no affine. */
  name: "axial" | "coronal" | "sagittal" | "first" | "second" | "third";
  axis: number;
  rows: number;
  columns: number;
  flip_rows: boolean;
  flip_columns: boolean;
  /** What lies to the left, to the right, at the top and at the bottom: L, R, A, P, S, I, or "" where nobody knows. */
  marks: [string, string, string, string];
  /** Of the voxels of the full volume across, along the rows' axis and along the columns' axis: mm, or 1 without affine. */
  spacing: [number, number, number];
}

/** What is known of a volume beside its voxels. */
export interface VolumePayload {
  /** From stored indices of the full volume to mm (right, anterior, superior), by rows. */
  affine: number[][] | null;
  /** Axial, coronal, sagittal; without an affine: across the first, the second, the third stored axis. */
  planes: [PlanePayload, PlanePayload, PlanePayload];
}

export interface SessionPayload {
  index: number;
  names: string[];
  /** Voxels exactly where `volume` is not null. They cross the wire once a session. */
  picture: PicturePayload | VoxelsPayload;
  volume: VolumePayload | null;
  probabilities: { shape: [number]; dtype: "float32"; buffer: number };
  labels: string[];
  activation: string;
  notes: string[];
  /** How the model is run and read, as far as Python was told: keywords of `explain`. */
  bound: Record<string, Value>;
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
  /** What a value is, in short words; empty where the method does not say. */
  unit: string;
  /** Its own resolution: [h, w], or [d, h, w] by the stored axes of a volume. */
  shape: number[];
  dtype: "float32";
  minimum: number;
  maximum: number;
  fraction: number;
  final: boolean;
  seconds: number;
  forwards: number;
  notes: string[];
  /** Whether a second buffer holds the standard error of every value. */
  has_error: boolean;
}

export interface ErrorPayload {
  title: string;
  hint: string;
  traceback: string;
}

/** What one region does to the target's score: hidden, it falls from `before` to `after`. */
export interface RegionPayload {
  /** Half-open: top, left, bottom, right. */
  box: number[];
  /** Share of the picture. */
  area: number;
  before: number;
  after: number;
}

export interface RegionsPayload {
  session: number;
  /** The run whose map the regions were found in. */
  of: RequestId;
  /** One byte a pixel of the picture: 0 outside, 1 ... in the regions, strongest first. */
  shape: [number, number];
  /** What `before` and `after` are: a probability, or a score where the target has none. */
  quantity: "probability" | "score";
  fill: CoverFill;
  regions: RegionPayload[];
}

/**
 * Of a volume: the whole map, at most 20 cells a side (32 kB), so that small maps follow the crosshair without a
 * message: they show the first plane (axial) at it.
 */
export interface FramePayload {
  layer: string;
  signed: boolean;
  /** [h, w], or [d, h, w]. */
  shape: number[];
  buffer: number;
}

/** One small map a layer, all from one pass. */
export interface FilmPayload {
  session: number;
  method: string;
  params: Record<string, Value>;
  target: WireTarget;
  frames: FramePayload[];
  /** How many layers were left out, evenly, where there are very many. */
  left_out: number;
}

export interface PicturePayload {
  /** [H, W, 3] */
  shape: [number, number, number];
  dtype: "uint8";
  buffer: number;
}

/** The voxels of a volume, for display: 0 stands for `low` and below, 255 for `high` and above. */
export interface VoxelsPayload {
  /** [D, H, W] as stored; means of equal blocks where the volume is too large: sample i of n lies at (i + 1/2) / n. */
  shape: [number, number, number];
  dtype: "uint8";
  buffer: number;
  low: number;
  high: number;
  /** The volume's own [D, H, W]: crosshair, affine, spacing and the size of the panes are about it. */
  full: [number, number, number];
}

/** A map that stays, and what is below it. */
export interface PinnedPayload {
  pin: number;
  result: ResultPayload;
  /** Of the picture, and of the model. */
  name: string;
  model: string;
  /** Whether the model has changed since. */
  earlier: boolean;
  /**
   * null: the page has it, with the session that is shown or with a pin before. Of a volume, the voxels for a tile: at
   * most 96 a side.
   */
  picture: PicturePayload | VoxelsPayload | null;
  /** With the voxels; null without. */
  volume: VolumePayload | null;
}

/** What another model says to the same question. */
export interface OtherPayload {
  /** The run that asked it. */
  of: RequestId;
  session: number;
  model: string;
  result: ResultPayload | null;
  /** Why there is no map. */
  error: ErrorPayload | null;
  /** null: the same as that of the session that is shown. Of a volume, the voxels for a tile: at most 96 a side. */
  picture: PicturePayload | VoxelsPayload | null;
  /** With the voxels; null without. */
  volume: VolumePayload | null;
  /** Of the target; null where it is no class. */
  probability: number | null;
}

export interface GalleryItemPayload {
  name: string;
  model: string;
  /** Which of the pictures: several models may be asked about one. */
  picture: number;
  /** Index of the predicted class, its label, and how likely it is. */
  predicted: number;
  label: string;
  probability: number;
  /** The right class, where it was told. */
  expected: number | null;
  /** A PNG, of a volume that of its first plane's middle; null: it was told before. */
  buffer: number | null;
}

export interface ErrorOf {
  kind: "error";
  request_id: RequestId | null;
  error: ErrorPayload;
}

/** What a page asks, beside its name; buffers travel with `probe` and `photo`. */
export interface Asks {
  /** A view lets work start; the present state is told once a page. */
  hello: { language: string; page: string; view: boolean };
  run: object;
  cancel: object;
  /** Buffer 0: a bit a pixel of the picture (first pixel: lowest bit), 1 where it was painted. */
  probe: { session: number; fill: CoverFill; keep: boolean; shape: [number, number] };
  regions: object;
  film: object;
  /** Pins the map that is shown. */
  pin: object;
  /** null: all of them. */
  unpin: { pin: number | null };
  /** The pins in another order. */
  arrange: { pins: number[] };
  compare: { methods: string[] | null; layers: string[] | null; targets: WireTarget[] | null };
  /** Buffer 0: the file. */
  photo: { name: string };
  /** nii.gz: of volumes alone. */
  save: { format: "npz" | "nii.gz" };
  freeze: object;
}

export type ClientMessage = { [K in ClientKind]: { kind: K; request_id: string } & Asks[K] }[ClientKind];

export type KernelMessage =
  | { kind: "session"; request_id: string | null; session: SessionPayload }
  | { kind: "method"; request_id: null; session: number; method: MethodPayload }
  | { kind: "result"; request_id: RequestId; result: ResultPayload }
  | ErrorOf
  | { kind: "ack"; request_id: string; of: ClientKind; message: string }
  | { kind: "superseded"; request_id: RequestId }
  | { kind: "cancelled"; request_id: RequestId }
  | { kind: "probed"; request_id: string; session: number; shape: [number] }
  | { kind: "regions"; request_id: string | null; regions: RegionsPayload }
  /** What Python says is covered; buffer 0 as in `probe`. */
  | { kind: "brush"; request_id: null; session: number; shape: [number, number] }
  | { kind: "film"; request_id: string; film: FilmPayload }
  | { kind: "pinned"; request_id: null; pinned: PinnedPayload }
  | { kind: "other"; request_id: null; other: OtherPayload }
  | { kind: "gallery"; request_id: null; items: GalleryItemPayload[] }
  | { kind: "saved"; request_id: string; name: string; mime: string }
  /** Of one language: the kernel's own words, and a module with the page's; null: the page has those. */
  | { kind: "words"; request_id: null; locale: string; words: Record<string, string>; catalogue: string | null };

export const IDLE: Status = { state: "idle", request_id: null, fraction: 0, message: "", eta_s: null };

export const DEFAULT_VIEW: View = {
  opacity: 0.5,
  threshold: 0,
  gamma: 1,
  colormap: "auto",
  cells: false,
  mode: "overlay",
  clip: 100,
  curtain: 0.5,
  box: false,
  box_threshold: 0.2,
  shared: true,
  crosshair: null,
  layout: "panes",
  plane: 0,
  tiles: 12,
  radiological: false,
};

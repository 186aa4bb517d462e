import type { RegionsPayload, ResultPayload, SessionPayload } from "../protocol";

/** What a map is painted on. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  /** Red, green, blue, row by row. */
  readonly pixels: Uint8Array;
}

/** Whether two pictures are equal, pixel by pixel. */
export function samePicture(one: Picture, other: Picture): boolean {
  if (one.height !== other.height || one.width !== other.width) {
    return false;
  }
  return one.pixels === other.pixels || one.pixels.every((value, at) => value === other.pixels[at]);
}

/** A picture and the model's answer to it, ready to be drawn. */
export interface Session extends Picture, Omit<SessionPayload, "picture" | "probabilities"> {
  readonly probabilities: Float32Array;
}

/** An attribution at its own resolution, and what it answers. */
export interface Result extends ResultPayload {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  /** The standard error of every value, where the method knows it. */
  readonly errors: Float32Array | null;
}

export function decodeSession(payload: SessionPayload, buffers: readonly DataView[]): Session {
  const [height, width, channels] = payload.picture.shape;
  if (channels !== 3 || !(height > 0) || !(width > 0)) {
    throw new Error(`Expected a picture of shape [H, W, 3]; got [${payload.picture.shape.join(", ")}].`);
  }
  const { picture: _picture, probabilities: _probabilities, ...rest } = payload;
  const pixels = new Uint8Array(bytes(buffers, payload.picture.buffer, height * width * 3, "picture"));
  const classes = payload.probabilities.shape[0];
  const probabilities = new Float32Array(
    bytes(buffers, payload.probabilities.buffer, classes * Float32Array.BYTES_PER_ELEMENT, "probabilities"),
  );
  return { ...rest, height, width, pixels, probabilities };
}

export function decodeResult(payload: ResultPayload, buffers: readonly DataView[]): Result {
  const [rows, columns] = payload.shape.slice(-2);
  // A map may come with leading axes of length one.
  if (payload.shape.length < 2 || payload.shape.slice(0, -2).some((length) => length !== 1)) {
    throw new Error(`Expected a map of shape [h, w]; got [${payload.shape.join(", ")}].`);
  }
  const length = rows * columns * Float32Array.BYTES_PER_ELEMENT;
  const values = new Float32Array(bytes(buffers, 0, length, "map"));
  const errors = payload.has_error ? new Float32Array(bytes(buffers, 1, length, "map's error")) : null;
  return { ...payload, rows, columns, values, errors };
}

/** The places that matter most, as a map of numbers: 0 outside, 1 in the strongest region. */
export interface Regions extends RegionsPayload {
  readonly labels: Uint8Array;
}

export function decodeRegions(payload: RegionsPayload, buffers: readonly DataView[]): Regions {
  const [height, width] = payload.shape;
  return { ...payload, labels: new Uint8Array(bytes(buffers, 0, height * width, "regions")) };
}

/** Copy a buffer out: what arrives may be a window, at any offset, into a larger message. */
function bytes(buffers: readonly DataView[], index: number, length: number, what: string): ArrayBuffer {
  const view = buffers[index];
  if (view === undefined) {
    throw new Error(`The message has no buffer ${index} for the ${what}.`);
  }
  if (view.byteLength !== length) {
    throw new Error(`The ${what} should have ${length} bytes; got ${view.byteLength}.`);
  }
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;
}

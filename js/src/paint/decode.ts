import type {
  PicturePayload,
  RegionsPayload,
  ResultPayload,
  SessionPayload,
  VolumePayload,
  VoxelsPayload,
} from "../protocol";
import { type Volume, volumePicture } from "../volume/volume";

/** What a map is painted on. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  /** Red, green, blue, row by row. */
  readonly pixels: Uint8Array;
  /** What it is a slice of; absent of what is a picture itself. */
  readonly volume?: Volume | null;
}

/** Whether two pictures are equal, pixel by pixel; volumes, which may travel in several sizes, by their window. */
export function samePicture(one: Picture, other: Picture): boolean {
  if (one.volume || other.volume) {
    const window = ({ volume }: Picture) => JSON.stringify(volume && [volume.full, volume.low, volume.high]);
    return window(one) === window(other);
  }
  if (one.height !== other.height || one.width !== other.width) {
    return false;
  }
  return one.pixels === other.pixels || one.pixels.every((value, at) => value === other.pixels[at]);
}

/** A picture and the model's answer to it, ready to be drawn. */
export interface Session extends Picture, Omit<SessionPayload, "picture" | "volume" | "probabilities"> {
  readonly probabilities: Float32Array;
}

/** An attribution at its own resolution, and what it answers. */
export interface Result extends ResultPayload {
  /** Of a volume's map: how many slices of `rows` and `columns`. Otherwise 1. */
  readonly depth: number;
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  /** The standard error of every value, where the method knows it. */
  readonly errors: Float32Array | null;
}

export function decodeSession(payload: SessionPayload, buffers: readonly DataView[]): Session {
  const { picture, volume, probabilities: chances, ...rest } = payload;
  const size = chances.shape[0] * Float32Array.BYTES_PER_ELEMENT;
  const probabilities = new Float32Array(bytes(buffers, chances.buffer, size, "probabilities"));
  return { ...rest, ...decodePicture(picture, volume, buffers), probabilities };
}

/** A picture, or the voxels of a volume with what is known of them. */
export function decodePicture(
  payload: PicturePayload | VoxelsPayload,
  volume: VolumePayload | null,
  buffers: readonly DataView[],
): Picture {
  const { shape, buffer } = payload;
  const [height, width, channels] = shape;
  const solid = volume !== null && "full" in payload;
  if (!(Math.min(...shape) > 0) || (!solid && channels !== 3)) {
    throw new Error(`Expected a picture of shape [H, W, 3]; got [${shape.join(", ")}].`);
  }
  const pixels = new Uint8Array(bytes(buffers, buffer, height * width * channels, solid ? "volume" : "picture"));
  return solid ? volumePicture(payload, volume, pixels) : { height, width, pixels };
}

export function decodeResult(payload: ResultPayload, buffers: readonly DataView[]): Result {
  const { shape } = payload;
  const [depth, rows, columns] = [1, ...shape].slice(-3);
  // A map may come with leading axes of length one.
  if (shape.length < 2 || shape.slice(0, -3).some((length) => length !== 1)) {
    throw new Error(`Expected a map of shape [h, w] or [d, h, w]; got [${shape.join(", ")}].`);
  }
  const length = depth * rows * columns * Float32Array.BYTES_PER_ELEMENT;
  const values = new Float32Array(bytes(buffers, 0, length, "map"));
  const errors = payload.has_error ? new Float32Array(bytes(buffers, 1, length, "map's error")) : null;
  return { ...payload, depth, rows, columns, values, errors };
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

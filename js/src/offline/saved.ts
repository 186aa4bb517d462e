/**
 * What a saved page carries; `xai_widget/offline_page.py` writes it.
 *
 * Numbers travel deflated, in base64: raw floats would not fit into JSON, and a page is one file.
 */
import type { ResultPayload, SessionPayload, Traits } from "../protocol";

export interface Packed {
  dtype: "uint8" | "float32" | "float16";
  /** The numbers are to be multiplied by two to this power: it keeps small ones within reach of 16 bits. */
  exponent: number;
  data: string;
}

interface Carried<T> {
  content: T;
  buffers: Packed[];
}

/** The traits that a page without a kernel can take over. */
type SavedSettings = Omit<Traits, "auto_run" | "status">;

export interface PagePayload {
  settings: SavedSettings;
  sessions: (Carried<SessionPayload> & { predicted: number })[];
  maps: Carried<ResultPayload>[];
  /** The map of the settings; null where they have none. */
  shown: number | null;
}

/** A message's content with its buffers, as a kernel would send them. */
interface Filled<T> {
  readonly content: T;
  readonly buffers: readonly DataView[];
}

export interface Saved {
  readonly settings: SavedSettings;
  /** Pictures with what the model says of them, and the class that "predicted" stands for. */
  readonly sessions: readonly (Filled<SessionPayload> & { readonly predicted: number })[];
  /** Every map, in the order in which they were computed. */
  readonly maps: readonly Filled<ResultPayload>[];
  readonly shown: number | null;
}

export async function readPage(page: PagePayload): Promise<Saved> {
  const [sessions, maps] = await Promise.all([
    Promise.all(page.sessions.map(filled)),
    Promise.all(page.maps.map(filled)),
  ]);
  return { ...page, sessions, maps };
}

async function filled<T extends { buffers: Packed[] }>(carried: T): Promise<T & { buffers: DataView[] }> {
  return { ...carried, buffers: await Promise.all(carried.buffers.map(unpack)) };
}

/** The bytes that a kernel would have sent: floats of 32 bits, whatever they were stored as. */
export async function unpack({ dtype, exponent, data }: Packed): Promise<DataView> {
  const bytes = await inflate(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)));
  return new DataView(dtype === "float16" ? widened(new Uint16Array(bytes), exponent) : bytes);
}

/** 16-bit floats as 32-bit ones. */
export function widened(halves: Uint16Array, exponent: number): ArrayBuffer {
  const scale = 2 ** exponent;
  return Float32Array.from(halves, (bits) => fromHalf(bits) * scale).buffer;
}

/** The number that 16 bits stand for: a sign, five bits of exponent, ten of fraction (IEEE 754). */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 31) {
    return fraction > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  }
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

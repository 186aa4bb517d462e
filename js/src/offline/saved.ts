/**
 * What a saved page carries; `xai_widget/offline_page.py` writes it.
 *
 * Numbers travel deflated, in base64: raw floats would not fit into JSON, and a page is one file.
 */
import type { KernelMessage, ResultPayload, SessionPayload, Traits } from "../protocol";

export interface Packed {
  dtype: "uint8" | "float32" | "float16";
  /** The numbers are to be multiplied by two to this power: it keeps small ones within reach of 16 bits. */
  exponent: number;
  data: string;
}

/** Numbers that the page has already: those of a picture or of a map. */
export interface Held {
  within: "sessions" | "maps";
  at: number;
  buffer: number;
}

interface Carried<T, Buffer = Packed> {
  content: T;
  buffers: Buffer[];
}

/** The traits that a page without a kernel can take over. */
type SavedSettings = Omit<Traits, "auto_run" | "status">;

export interface PagePayload {
  settings: SavedSettings;
  sessions: (Carried<SessionPayload> & { predicted: number })[];
  maps: Carried<ResultPayload>[];
  /** The map of the settings; null where they have none. */
  shown: number | null;
  /** What else a kernel would tell: pins, regions, films, the gallery. A map is named by its place. */
  news: Carried<KernelMessage, Packed | Held>[];
}

/** A message's content with its buffers, as a kernel would send them. */
export interface Filled<T> {
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
  readonly news: readonly Filled<KernelMessage>[];
}

export async function readPage(page: PagePayload): Promise<Saved> {
  const [sessions, maps] = await Promise.all([
    Promise.all(page.sessions.map(filled)),
    Promise.all(page.maps.map(filled)),
  ]);
  const held = { sessions, maps };
  const buffer = (each: Packed | Held) =>
    "within" in each ? held[each.within][each.at].buffers[each.buffer] : unpack(each);
  const news = await Promise.all(
    page.news.map(async ({ content, buffers }) => ({ content, buffers: await Promise.all(buffers.map(buffer)) })),
  );
  return { ...page, sessions, maps, news };
}

/** The kernel's own texts in a language, as far as the page carries them. */
export function wordsFor({ news }: Pick<Saved, "news">, language: string): Readonly<Record<string, string>> {
  const told = news.map(({ content }) =>
    content.kind === "words" && content.locale === language ? content.words : {},
  );
  return Object.assign({}, ...told);
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

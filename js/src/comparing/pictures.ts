import type { PicturePayload } from "../protocol";

/** What a map is painted on: red, green, blue, row by row. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

export function decodePicture(payload: PicturePayload, buffers: readonly DataView[]): Picture {
  const [height, width] = payload.shape;
  const view = buffers[payload.buffer];
  if (view?.byteLength !== height * width * 3) {
    throw new Error(`A picture of ${height} × ${width} should have ${height * width * 3} bytes.`);
  }
  return { height, width, pixels: new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice() };
}

export function samePicture(one: Picture, other: Picture): boolean {
  if (one.height !== other.height || one.width !== other.width) {
    return false;
  }
  return one.pixels === other.pixels || one.pixels.every((value, at) => value === other.pixels[at]);
}

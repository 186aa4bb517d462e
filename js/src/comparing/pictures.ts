import type { Picture } from "../paint/decode";
import type { PicturePayload } from "../protocol";

export function decodePicture(payload: PicturePayload, buffers: readonly DataView[]): Picture {
  const [height, width] = payload.shape;
  const view = buffers[payload.buffer];
  if (view?.byteLength !== height * width * 3) {
    throw new Error(`A picture of ${height} × ${width} should have ${height * width * 3} bytes.`);
  }
  return { height, width, pixels: new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice() };
}

import type { View } from "../protocol";
import { blend, scaleTop } from "./blend";
import type { Regions, Result, Session } from "./decode";
import { resample } from "./resample";

/** Everything that decides what a picture with its heat map looks like. */
export interface Scene {
  readonly session: Session;
  readonly result: Result | null;
  readonly view: View;
  readonly regions: Regions | null;
  /** The number of the strongest colour, where it is shared with others; null: the map's own. */
  readonly top: number | null;
  /** Output pixels per picture pixel: whole, at least 1. */
  readonly scale: number;
}

export interface Painter {
  paint(scene: Scene, out: Uint8ClampedArray): void;
}

export function frameSize({ session, view, scale }: Scene): { width: number; height: number } {
  const wide = view.mode === "side" ? 2 : 1;
  return { width: wide * session.width * scale, height: session.height * scale };
}

export function topOf(result: Result, _view: View): number {
  return scaleTop(result.values, result.signed);
}

export function createPainter(): Painter {
  let stretched: { result: Result; cells: boolean; values: Float32Array } | null = null;
  return {
    paint(scene, out) {
      const { session, result, view, scale } = scene;
      const { width, height } = session;
      const frame = frameSize(scene);
      if (result === null) {
        stretched = null;
      } else if (stretched === null || stretched.result !== result || stretched.cells !== view.cells) {
        stretched = { result, cells: view.cells, values: resample(result, height, width, view.cells) };
      }
      const top = scene.top ?? (result === null ? 0 : topOf(result, view));
      const signed = result?.signed ?? false;
      const whole = scale === 1 && view.mode !== "side" && view.mode !== "curtain";
      const over = whole ? out : new Uint8ClampedArray(width * height * 4);
      blend(session.pixels, stretched?.values ?? null, top, signed, view, over);
      if (whole) {
        return;
      }
      const alone = new Uint8ClampedArray(width * height * 4);
      blend(session.pixels, null, 0, false, view, alone);
      const [from, plain, to] = [over, alone, out].map((one) => new Uint32Array(one.buffer));
      const hangs = view.curtain * width;
      for (let y = 0, at = 0; y < frame.height; y++) {
        const row = Math.floor(y / scale) * width;
        for (let x = 0; x < frame.width; x++, at++) {
          const column = Math.floor(x / scale);
          const bare = view.mode === "side" ? column < width : view.mode === "curtain" && column >= hangs;
          to[at] = (bare ? plain : from)[row + (column % width)];
        }
      }
    },
  };
}

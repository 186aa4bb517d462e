import { scaleTop } from "../paint/blend";
import type { Regions, Result, Session } from "../paint/decode";
import { paint, stretch } from "../paint/painter";
import type { View } from "../protocol";

/** What is painted: the picture under its heat map, `regions` where the view outlines them. */
export interface Painted {
  readonly session: Session;
  readonly result: Result | null;
  readonly regions: Regions | null;
  readonly view: View;
}

/** The value of the strongest colour. */
export function topOf(result: Result, _view: View): number {
  return scaleTop(result.values, result.signed);
}

/** The picture as the page paints it, `scale` times as large. */
export function paintCanvas({ session, result, view }: Painted, scale: number): HTMLCanvasElement {
  const { width, height } = session;
  const pixels = new Uint8ClampedArray(width * height * 4);
  paint(session, result === null ? null : stretch(session, result, view.cells, null), view, pixels);
  const small = pixelCanvas(width, height, pixels);
  const { canvas, context } = newCanvas(width * scale, height * scale);
  // True cells have hard edges, however large the picture becomes.
  context.imageSmoothingEnabled = !view.cells;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A canvas that holds these pixels, four bytes each. */
export function pixelCanvas(width: number, height: number, pixels: Uint8ClampedArray): HTMLCanvasElement {
  const { canvas, context } = newCanvas(width, height);
  context.putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
  return canvas;
}

export function newCanvas(width: number, height: number) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new Error("This browser has no canvas to draw on.");
  }
  return { canvas, context };
}

import type { Regions, Result, Session } from "../paint/decode";
import { createPainter, frameSize, type Scene } from "../paint/painter";
import type { View } from "../protocol";
import { compose, fittingScale } from "../volume/compose";
import { volumeCanvas } from "./volume";

/** What is painted: the picture under its heat map, `regions` where the view outlines them. */
export interface Painted {
  readonly session: Session;
  readonly result: Result | null;
  readonly regions: Regions | null;
  readonly view: View;
}

/** The size of what a person takes away at scale 1: of a volume, that of its planes in a row. */
export function takenSize({ volume, width, height }: Session, view: View): { width: number; height: number } {
  if (!volume) {
    return { width, height };
  }
  const plan = compose(volume, view);
  const fitting = fittingScale(plan.width);
  return { width: plan.width * fitting, height: plan.height * fitting };
}

/** The picture as the page paints it, `scale` times as large. */
export function paintCanvas(painted: Painted, scale: number): HTMLCanvasElement {
  const { session, result, view } = painted;
  const { volume } = session;
  return volume
    ? volumeCanvas(volume, result, view, scale * fittingScale(compose(volume, view).width))
    : paintScene({ ...painted, top: null, scale });
}

export function paintScene(scene: Scene): HTMLCanvasElement {
  const { width, height } = frameSize(scene);
  const pixels = new Uint8ClampedArray(width * height * 4);
  createPainter().paint(scene, pixels);
  return pixelCanvas(width, height, pixels);
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

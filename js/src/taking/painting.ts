import type { Regions, Result, Session } from "../paint/decode";
import { paint, stretch } from "../paint/painter";
import type { View } from "../protocol";

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** What is painted: the picture under its heat map, `regions` where the view outlines them. */
export interface Painted {
  readonly session: Session;
  readonly result: Result | null;
  readonly regions: Regions | null;
  readonly view: View;
}

/** The picture as the page paints it, pixel for pixel. */
export function paintFrame({ session, result, view }: Painted): Frame {
  const { width, height } = session;
  const pixels = new Uint8ClampedArray(width * height * 4);
  paint(session, result === null ? null : stretch(session, result, view.cells, null), view, pixels);
  return { width, height, pixels };
}

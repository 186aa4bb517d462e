/** Small pictures with their heat maps. Pure. */
import type { View } from "../protocol";
import type { Viewport } from "../ui/view";

/** How a tile shows its map: there is no room for two pictures, and no curtain to be dragged. */
export function tileView(view: View): View {
  const kept = view.mode === "map" || view.mode === "image" || view.mode === "contours";
  return kept ? view : { ...view, mode: "overlay" };
}

/** The part of the picture that is seen, in shares of its sides. */
export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

export function cropOf({ zoom, x, y }: Viewport): Crop {
  const size = 1 / zoom;
  const within = (middle: number) => Math.min(Math.max(middle - size / 2, 0), 1 - size);
  return { left: within(x), top: within(y), size };
}

const CLOSEST = 16;

/** The view enlarged by a factor about a point, which is given in shares of what is seen and stays where it is. */
export function zoomedAt(viewport: Viewport, across: number, down: number, factor: number): Viewport {
  const { left, top, size } = cropOf(viewport);
  const zoom = Math.min(Math.max(viewport.zoom * factor, 1), CLOSEST);
  const next = 1 / zoom;
  const middle = (start: number, share: number) => start + share * (size - next) + next / 2;
  const { left: x, top: y } = cropOf({ zoom, x: middle(left, across), y: middle(top, down) });
  return { zoom, x: x + next / 2, y: y + next / 2 };
}

/** Small pictures with their heat maps. Pure. */
import type { View } from "../protocol";

/** How a tile shows its map: there is no room for two pictures, and no curtain to be dragged. */
export function tileView(view: View): View {
  const kept = view.mode === "map" || view.mode === "image" || view.mode === "contours";
  return kept ? view : { ...view, mode: "overlay" };
}

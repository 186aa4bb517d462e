import type { Mode, View } from "../../protocol";

type Setting = Exclude<keyof View, "mode" | "curtain" | "shared">;

/** The settings that belong to the display's controls, and go back to their defaults together. */
export const RESETTABLE: readonly Setting[] = [
  "opacity",
  "threshold",
  "gamma",
  "clip",
  "colormap",
  "cells",
  "box",
  "box_threshold",
];

/** What changes nothing in a view: there is no control for it then. */
const WITHOUT: Record<Mode, readonly Setting[]> = {
  overlay: [],
  side: [],
  curtain: [],
  map: ["opacity"],
  contours: ["opacity"],
  regions: ["opacity", "threshold", "gamma", "clip", "colormap", "cells"],
  image: ["opacity", "threshold", "gamma", "clip", "colormap", "cells"],
};

/** Which settings make a difference to what is shown now. */
export function matters(view: View): (setting: Setting) => boolean {
  const without = WITHOUT[view.mode];
  return (setting) => !without.includes(setting) && (setting !== "box_threshold" || view.box);
}

/** Everything the interface says, in one place. */

import { formatCount, formatSeconds } from "./format";
import type { Place } from "./paint/finding";
import type { MethodPayload } from "./protocol";

type Access = MethodPayload["access"];
type Cost = MethodPayload["cost"];

/** The nine parts of a picture, row by row. */
const PLACES = [
  ["in the upper left", "at the top", "in the upper right"],
  ["on the left", "in the centre", "on the right"],
  ["in the lower left", "at the bottom", "in the lower right"],
] as const;

const english = {
  predictions: "Predictions",
  method: "Method",
  layer: "Layer",
  parameters: "Parameters",
  display: "Display",
  picture: "Picture",
  notes: "Notes",

  askedAbout: "Explained",
  predictedClass: "Predicted class (auto)",
  predictedClassHelp: "Explain whatever class the model predicts",
  rather: (target: string, foil: string) => `${target} rather than ${foil}`,
  customTarget: (name: string) => `custom target ${name}`,
  searchClasses: "Search classes",
  searchPlaceholder: (classes: number) => `Search ${formatCount(classes)} classes`,
  noClassFound: (query: string) => `No class contains “${query}”.`,
  moreMatches: (count: number) => `${formatCount(count)} more: type on to narrow the search.`,
  more: "More",
  fewer: "Fewer",
  classShare: (label: string, share: string) => `${label}, ${share}`,
  notClassSpecific: "This method’s map does not depend on the class.",

  accessGroups: {
    black_box: "Outputs only (black box)",
    gradient: "Gradients",
    white_box: "Layers inside (white box)",
  } satisfies Record<Access, string>,
  about: "About this method",
  reference: "Reference",
  refusedMethods: (count: number) =>
    count === 1 ? "1 method cannot explain this model" : `${count} methods cannot explain this model`,
  refused: (reason: string) => `Not for this model: ${reason}`,

  defaultLayer: (name: string | null) => (name === null ? "Default" : `Default (${name})`),
  noLayer: "This method uses no layer",
  noLayerHelp: "It looks at the whole model at once.",
  fusedLayers: (names: readonly string[]) => `${names.join(" + ")} (fused)`,
  previousLayer: "Previous layer",
  nextLayer: "Next layer",
  unsuitableLayers: (count: number) =>
    count === 1 ? "1 layer does not suit this method" : `${count} layers do not suit this method`,

  reset: "Reset",
  resetHelp: "Back to the method’s own parameters",
  noParameters: "This method has no parameters.",
  autoValue: (value: string | null) => (value === null ? "auto" : `auto (${value})`),
  backToAuto: (label: string) => `${label}: back to auto`,
  valueOf: (label: string) => `${label} value`,
  none: "none",
  on: "on",
  off: "off",
  cost: ({ forwards, backwards, seconds }: Cost) => {
    const runs = `${formatCount(forwards)} model ${forwards === 1 ? "evaluation" : "evaluations"}`;
    const passes =
      backwards > 0 ? ` and ${formatCount(backwards)} backward ${backwards === 1 ? "pass" : "passes"}` : "";
    return `≈ ${runs}${passes}${seconds === null ? "" : `, about ${formatSeconds(seconds)}`}`;
  },
  costUnknown: "…",

  opacity: "Opacity",
  threshold: "Threshold",
  gamma: "Gamma",
  gammaHelp: "Below 1 brings out weak values, above 1 the strongest",
  thresholdHelp: "Hide what is weaker than this share of the maximum",
  colourMap: "Colour map",
  autoColours: (name: string) => `auto (${name})`,
  sequential: "Sequential",
  diverging: "Diverging (about zero)",
  trueCells: "True cells",
  trueCellsHelp: "Show the map’s own grid instead of interpolating",
  mode: "Show",
  modes: { overlay: "Overlay", map: "Map", image: "Image" },

  colourBar: "Colour bar",
  grid: (rows: number, columns: number) => `grid ${rows}×${columns}`,
  partial: (fraction: number) => `partial, ${Math.round(fraction * 100)} %`,
  previous: "previous map",
  nothingYet: "No heat map yet",
  connecting: "Connecting",
  noPicture: "Waiting for the picture …",
  pixel: (x: number, y: number) => `x ${x}, y ${y}`,
  pointHint: "Point at the picture, or use the arrow keys, to read values.",
  finding: (method: string, target: string, where: string) => `${method} for ${target}: ${where}.`,
  plainPicture: "The picture; there is no heat map yet.",
  strongestAt: (place: Place, sign: "" | "positive" | "negative") => {
    const where = PLACES[place.vertical + 1][place.horizontal + 1];
    return `strongest ${where}${sign === "" ? "" : `, where it is ${sign}`}`;
  },
  allZero: "The map is all zero.",
  nothingPositive: "The map has no positive values: nothing speaks for this class.",
  nothingSeen: "nothing to see",

  states: {
    idle: "Ready",
    queued: "Waiting for its turn",
    running: "Computing",
    done: "Done",
    cancelled: "Cancelled",
    error: "Failed",
  },
  run: "Run",
  cancel: "Cancel",
  stopping: "Stopping …",
  stopsLater: "Will stop when the running cell ends.",
  progress: "Progress",
  timeLeft: (seconds: number) => `about ${formatSeconds(seconds)} left`,
  evaluations: (count: number) => `${formatCount(count)} model ${count === 1 ? "evaluation" : "evaluations"}`,
  silent: "The kernel does not answer: it is busy with another cell, or it was restarted (then run the cell again).",

  savedMaps: "Saved maps",
  notComputed: "Not computed",
  notSaved: (question: string) => `${question}: this map was not computed before the page was saved.`,
  heldFor: (way: string, targets: readonly string[]) => `${way} for ${targets.join(", ")}`,
  held: (ways: readonly string[]) =>
    ways.length === 0
      ? "The page holds no map of this picture. Compute one in the notebook and save the page again."
      : `The page holds: ${ways.join("; ")}. Choose one of these, or compute it in the notebook and save the page again.`,

  details: "Details",
  copy: "Copy",
  copied: "Copied",
  failed: "The explanation failed",
  unreadable: "The kernel’s answer could not be read",
  unreadableHint: "The page and the Python package may be of different versions: reload the page.",
  broken: "The widget could not be drawn",
  brokenHint: "Reload the page. If it happens again, please report it with the details below.",
};

export type Strings = typeof english;

/** The catalogue for a locale; English where there is none. */
export function strings(_locale: string | null): Strings {
  return english;
}

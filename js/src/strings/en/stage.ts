import type { Place } from "../../paint/finding";
import type { Mode } from "../../protocol";

/** The nine parts of a picture, row by row. */
const PLACES = [
  ["in the upper left", "at the top", "in the upper right"],
  ["on the left", "in the centre", "on the right"],
  ["in the lower left", "at the bottom", "in the lower right"],
] as const;

/** The picture, its colours, and what is read from it. */
export const stage = {
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
  clip: "Clip",
  clipHelp:
    "The percentile of the values that gets the strongest colour: below 100 %, outliers no longer set the scale",
  box: "Box",
  boxHelp: "The box of the largest region above a share of the maximum",
  boxThreshold: "Box above",
  boxThresholdHelp: "The share of the maximum that a place needs to lie in the box’s region",
  resetDisplay: "Reset the display",
  resetShort: "Reset",
  mode: "Show",
  modes: {
    overlay: "Overlay",
    side: "Side by side",
    curtain: "Curtain",
    map: "Map",
    contours: "Contours",
    regions: "Regions",
    image: "Image",
  } satisfies Record<Mode, string>,
  modeHelps: {
    overlay: "Overlay: the heat map over the picture",
    side: "Side by side: the picture, and the heat map over it",
    curtain: "Curtain: pull the heat map over the picture",
    map: "Map: the heat map alone",
    contours: "Contours: lines of equal strength",
    regions: "Regions: the places that matter most",
    image: "Image: the picture alone",
  } satisfies Record<Mode, string>,
  curtain: "Curtain",
  curtainAt: (percent: number) => `heat map on the left ${percent} %`,

  zoom: "Zoom",
  zoomIn: "Zoom in",
  zoomInHelp: "Zoom in (+, or Ctrl and the wheel over the picture)",
  zoomOut: "Zoom out",
  zoomOutHelp: "Zoom out (−)",
  zoomReset: (percent: number) => `Zoom ${percent} %: show the whole picture`,
  zoomResetHelp: "Show the whole picture (0)",
  percent: (percent: number) => `${percent} %`,
  fullScreen: "Full screen",
  fullScreenHelp: "Show the widget on the whole screen",
  leaveFullScreen: "Leave the full screen (Escape)",

  measuringRegions: "Measuring which places matter …",
  regionsLater: "The regions are found once the map is complete.",
  nothingStandsOut: "No place stands out in this map.",
  regionsRefused: (reason: string) => `No regions: ${reason}`,

  colourBar: "Colour bar",
  grid: (shape: string) => `grid ${shape}`,
  partial: (fraction: number) => `partial, ${Math.round(fraction * 100)} %`,
  previous: "previous map",
  nothingYet: "No heat map yet",
  connecting: "Connecting",
  noPicture: "Waiting for the picture …",
  pixel: (x: number, y: number) => `x ${x}, y ${y}`,
  standardError: (error: string) => `± ${error}`,
  higherThan: (percent: number) => `higher than ${percent} % of the map`,
  highest: "the highest value of the map",
  lowest: "the lowest value of the map",
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
};

import type { Place } from "../../paint/finding";

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
  mode: "Show",
  modes: {
    overlay: "Overlay",
    side: "Side by side",
    curtain: "Curtain",
    map: "Map",
    contours: "Contours",
    regions: "Regions",
    image: "Image",
  },

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
};

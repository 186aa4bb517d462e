import type { Pen } from "../../doing/paper";
import type { CoverFill } from "../../protocol";
import type { Tool } from "../../ui/view";

const signed = (points: number) => `${points < 0 ? "−" : "+"}${Math.abs(points)}`;
const inPoints = (points: number) =>
  points === 0 ? "no change" : `${signed(points)} ${Math.abs(points) === 1 ? "point" : "points"}`;

/** Covering places, regions and what hiding them does, predict and reveal. */
export const doing = {
  tool: "Tool",
  tools: { look: "Look", cover: "Cover", predict: "Guess" } satisfies Record<Tool, string>,

  pen: "Draw with",
  pens: { brush: "Brush", box: "Box", eraser: "Eraser" } satisfies Record<Pen, string>,
  brushSize: "Size",
  brushPixels: (count: number) => `${count} px`,
  undo: "Undo",
  redo: "Redo",
  clear: "Clear",
  paperHelp:
    "Arrow keys move the brush, with Shift by one pixel; Space or Enter paints (for a box: once at each corner); " +
    "[ and ] change the size; Ctrl+Z takes back.",

  coverPaper: "Picture to cover places of",
  coverHint: "Paint over the picture: the bars say what the model makes of the rest.",
  coverWith: "Cover with",
  coverFills: { blur: "Blur", mean: "Mean colour", grey: "Grey", noise: "Noise" } satisfies Record<CoverFill, string>,
  keepOnly: "Keep only this",
  keepOnlyHelp: "Cover everything except what was painted",
  effect: "What covering does",
  shareChange: (before: string, after: string) => `${before} → ${after}`,
  points: inPoints,
  changed: (label: string, before: string, after: string, difference: string) =>
    `${label} ${before} → ${after}, ${difference}`,
  measuring: "Asking the model …",

  regions: "What matters most",
  regionsHelp: "The map’s strongest places, and what hiding each one alone does to the class.",
  regionsWaiting: "Measuring what hiding them does …",
  regionsNoMap: "There is no finished heat map yet.",
  regionsUnknown: "The regions of this map were not measured.",
  noRegions: "Nothing in this map is positive: no place speaks for the class.",
  hideRegion: (before: string, after: string) => `hide it: ${before} → ${after}`,
  region: (number: number, change: string) => `Region ${number}, ${change}`,
  difference: (words: string) => `(${words})`,
  coverRegion: "Cover it",
  tryAgain: "Try again",

  guessPaper: "Picture to mark",
  guessHint: (label: string) => `The map is hidden. Mark where you think the model looks for “${label}”, then reveal.`,
  hiddenMap: "The heat map is hidden until you reveal it.",
  reveal: "Reveal",
  nextClass: "Next class",
  agreement: (percent: string) => `You share ${percent} with the map’s strongest places.`,
  agreementHelp: (share: string) =>
    `Of all that you or the map marked, so much is marked by both (intersection over union). The map marks what is ` +
    `above ${share} of its maximum: the dashed line.`,
  nothingGuessed: "You marked nothing.",
  nothingToAgree: "Nothing in this map is positive: there is no strongest place.",
  noMapYet: "There is no finished heat map yet: it will be compared as soon as it is there.",
};

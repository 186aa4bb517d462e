import { formatSeconds } from "../../format";

/** Pins, correlations, other models, the gallery, own photos. */
export const comparing = {
  pinnedMaps: (count: number) => (count === 0 ? "Compare" : `Compare (${count} pinned)`),
  pinMap: "Pin this map",
  pinMapHelp: "Keep this map here, beside others",
  nothingPinned: "Pin a map to keep it here and see it beside others.",
  unpinAll: "Remove all",
  unpin: (name: string) => `Remove ${name}`,
  moveLeft: (name: string) => `Move ${name} to the left`,
  moveRight: (name: string) => `Move ${name} to the right`,
  askAgain: (name: string) => `Ask again: ${name}`,
  askAgainNot: "This was asked from Python and can only be asked again there.",
  pinName: (method: string, target: string, layer: string | null) =>
    layer === null ? `${method}, ${target}` : `${method}, ${target}, ${layer}`,
  earlierModel: "Of an earlier version of the model",
  oneScale: "One scale",
  oneScaleHelp: "Colours mean the same number in every map",
  differentUnits: "These methods measure in different units: each map is coloured up to its own maximum.",
  ownScales: "Each map is coloured up to its own maximum.",
  scaleEnds: (low: string, high: string) => `Colours from ${low} to ${high}`,
  strengthHere: "value here",

  rankCorrelation: "Rank correlation",
  rankCorrelationHelp:
    "Spearman’s ρ of the maps’ values over the picture: 1 if both order all places alike, 0 if their orders have nothing in common, −1 if one is the other’s reverse.",
  otherPicture: "Maps of different pictures are not compared.",
  constantMap: "One of the maps is the same everywhere.",

  compareSeveral: "Compare several …",
  compareMethods: "Methods",
  compareClasses: "Classes",
  compareLayers: (method: string) => `Layers of ${method}`,
  comparePresent: "Where nothing is chosen, the present setting counts.",
  compareCount: (maps: number, seconds: number | null) => {
    const time = seconds === null ? "" : `, about ${formatSeconds(seconds)}`;
    return `${maps} ${maps === 1 ? "map" : "maps"}${time}`;
  },
  compareStart: "Start",
  compareClose: "Close",

  sameForModels: "Every model’s answer",
  modelChance: (label: string, share: string) => `${label}: ${share}`,
  showModel: (model: string) => `Show ${model}`,
  shownModel: "shown above",
  modelComputing: "Computing …",
  modelWaiting: "Asked when the map above is complete.",

  gallery: "Pictures",
  galleryCount: (shown: number, all: number) => (shown === all ? `${all} pictures` : `${shown} of ${all} pictures`),
  galleryRight: (right: number, known: number) => `${right} of ${known} right`,
  filterPictures: "Show",
  filterAll: "All",
  filterRight: "Right",
  filterWrong: "Wrong",
  filterClasses: "Predicted class",
  filterClass: (label: string, count: number) => `${label} (${count})`,
  sortPictures: "Order",
  sorts: { given: "As given", high: "Most confident first", low: "Least confident first" },
  right: "right",
  wrong: "wrong",
  noPictureFits: "No picture fits.",
  galleryItem: (name: string, label: string, share: string, mark: string) =>
    mark === "" ? `${name}: ${label}, ${share}` : `${name}: ${label}, ${share}, ${mark}`,

  yourPhoto: "Your photo …",
  yourPhotoHelp: "Choose a picture, drop one here, or paste one",
  photoHint: "or drop or paste one here",
  dropPhoto: "Drop the picture to ask about it",
  photoComes: (name: string) => `Opening ${name} …`,
  photoUnreadable: (name: string) =>
    `${name} is no picture that this browser can read. Choose a JPEG, PNG or WebP file.`,
  photoTooLarge: (name: string) => `${name} could not be made small enough to be sent.`,
};

import { formatValue } from "../../format";

/** What hiding a place does to the score. */
export interface Effect {
  /** Its number on the picture. */
  readonly place: number;
  readonly change: "lowers" | "raises" | "nothing";
  /** By how much: points of a probability, or units of the score. */
  readonly amount: string;
}

const hides = (effect: Effect) => {
  const hiding = `hiding region ${effect.place}`;
  return effect.change === "nothing"
    ? `${hiding} changes nothing`
    : `${hiding} ${effect.change} it by ${effect.amount}`;
};

/** Saving, copying, freezing, and the sentence of the simple view. */
export const taking = {
  detail: "How much is shown",
  simple: "Simple",
  simpleHelp: "Picture, classes and a sentence",
  expert: "Expert",
  expertHelp: "Every method, layer and parameter",

  save: "Save",
  saveTitle: "Save, copy or freeze",
  pictureFile: "Picture",
  pictureSize: "Size of the picture",
  times: (scale: number) => `${scale}×`,
  pixels: (width: number, height: number) => `${width} × ${height} pixels`,
  withBar: "With title and colour bar",
  savePicture: "Save PNG",
  numbers: "Numbers",
  saveNumbers: "Save NPZ",
  saveNumbersHelp: "Attribution.load reads it in Python",
  python: "Python",
  copyView: "Copy code",
  copyViewHelp: "The widget as it is now",
  copyNumbers: "Copy explain()",
  copyNumbersHelp: "The numbers of this map, without the widget",
  notebook: "Notebook",
  freeze: "Freeze",
  freezeHelp: "A picture in the widget’s place, for readers without a kernel",
  saved: (name: string) => `Saved ${name}`,
  codeCopied: "Code copied",
  notCopied: "The browser does not let the page copy: copy the text below.",
  codeText: "Code",
  needsMap: "There is no heat map yet.",
  unnamed: "heat map",

  codeGiven: (model: string, picture: string) => `model: ${model}; img: ${picture}`,
  codeArray: (name: string, value: string) => `${name} is ${value}: not written down, add it here as ${name}=`,
  codeFunction: (name: string) => `${name} is a function of your own: not written down, pass it as target=`,

  theSentence: "In a sentence",
  says: (label: string, share: string) => `Says ${label}, ${share}.`,
  scoresHighest: (label: string, score: string) => `The highest score is that of ${label}: ${score}.`,
  askedShare: (label: string, share: string) => `${label} gets ${share}.`,
  askedScore: (label: string, score: string) => `The score of ${label} is ${score}.`,
  fewPoints: (count: number) => (count === 1 ? "1 point" : `${count} points`),
  score: (value: number) => formatValue(value),
  effects: (effects: readonly Effect[]) => {
    const words = effects.map(hides).join("; ");
    return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
  },
  noPlace: (label: string) => `No place speaks for ${label}.`,
  measuringPlaces: "Measuring what the most important places do …",
  notMeasured: (reason: string) => `What the places do is not known: ${reason}`,
};

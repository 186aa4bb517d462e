import { formatCount, formatSeconds } from "../../format";
import type { MethodPayload } from "../../protocol";

type Access = MethodPayload["access"];
type Cost = MethodPayload["cost"];

/** Classes, methods, layers, parameters. */
export const asking = {
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
  ratherThan: (foil: string) => `Rather than ${foil}`,
  ratherThanThis: (foil: string) => `rather than ${foil}?`,
  versus: "vs",
  foilTag: "not",
  swap: "Swap",
  clearFoil: "Clear",
  clearFoilHelp: "Ask about the first class alone",
  evidenceFor: (target: string) => `evidence for ${target}`,
  evidenceAgainst: (foil: string) => `evidence against it, for ${foil}`,
  unsignedContrast: "This map has no sign: it does not tell evidence for the first class from evidence against it.",
  classShare: (label: string, share: string) => `${label}, ${share}`,
  notClassSpecific: "This method’s map does not depend on the class.",

  accessGroups: {
    black_box: "Outputs only (black box)",
    gradient: "Gradients",
    white_box: "Layers inside (white box)",
  } satisfies Record<Access, string>,
  about: "About this method",
  reference: "Reference",
  valueIs: "A value is",
  browse: "Browse …",
  browseHelp: "All methods, with what each costs and can tell",
  closeCards: "Close",
  allMethods: "Methods by what they need of the model",
  filterMethods: "Filter methods",
  noMethodFound: (query: string) => `No method contains “${query}”.`,
  runs: (runs: string, count: number) => (count === 1 ? "1 evaluation" : `${runs} evaluations`),
  signed: "signed",
  signedHelp: "Negative values speak against the class",
  unsigned: "no sign",
  unsignedHelp: "The map of a class shows how much, not whether for or against",
  classSpecific: "class-specific",
  classSpecificHelp: "Another class has another map",
  anyClass: "same for every class",
  randomisation: {
    passes: "passes randomisation",
    partly: "partly passes randomisation",
    fails: "fails randomisation",
    unknown: "randomisation not measured",
  } satisfies Record<MethodPayload["randomisation"], string>,
  randomisationHelp:
    "Whether the map changes when the network’s weights are drawn anew. One that stays shows the picture, not what the network learned.",
  autoRun: "Run by itself",
  autoRunHelp: "Answer as soon as something is changed; otherwise wait for Run",
  waitsForRun: "waits for Run",
  refused: (reason: string) => `Not for this model: ${reason}`,

  defaultLayer: (name: string | null) => (name === null ? "Default" : `Default (${name})`),
  noLayer: "This method uses no layer",
  noLayerHelp: "It looks at the whole model at once.",
  fusedLayers: (names: readonly string[]) => `${names.join(" + ")} (fused)`,
  previousLayer: "Previous layer",
  nextLayer: "Next layer",
  filmstrip: "Small maps of the layers",
  usual: "default",
  defaultFrame: (name: string) => `${name} (default)`,
  layersLeftOut: (count: number) =>
    count === 1 ? "1 more layer is in the list above." : `${formatCount(count)} more layers are in the list above.`,
  filmAgain: "Show the layers’ small maps",
  noFilm: "This method runs anew for every layer: choose one by its name.",
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
};

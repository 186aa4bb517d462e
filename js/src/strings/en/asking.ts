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
};

/** A saved page. */
export const offline = {
  savedMaps: "Saved maps",
  notComputed: "Not computed",
  notSaved: (question: string) => `${question}: this map was not computed before the page was saved.`,
  needsKernel: "This page has no kernel, so that nothing new can be computed here.",
  offlineHint: "Do it in the notebook, and save the page again.",
  regionsNotSaved: "It was not measured before the page was saved.",
  filmNotSaved: "The maps of all layers were not computed before the page was saved.",
  heldFor: (way: string, targets: readonly string[]) => `${way} for ${targets.join(", ")}`,
  held: (ways: readonly string[]) =>
    ways.length === 0
      ? "The page holds no map of this picture. Compute one in the notebook and save the page again."
      : `The page holds: ${ways.join("; ")}. Choose one of these, or compute it in the notebook and save the page again.`,
};

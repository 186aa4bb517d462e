/** Which classes to show, and in which order. Pure. */

/** Class indices, the likeliest first; equals keep their order. */
export function ranking(probabilities: Float32Array): number[] {
  return Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]);
}

/** The classes, in the order given, whose label contains every word of the query, or whose number it is. */
export function searchClasses(order: readonly number[], labels: readonly string[], query: string): number[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return order.filter((index) => {
    const label = (labels[index] ?? "").toLowerCase();
    return String(index) === query.trim() || words.every((word) => label.includes(word));
  });
}

/** How long a class's bar is, from 0 to 1: probabilities as they are, other scores against the largest. */
export function barLength(value: number, values: Float32Array, areShares: boolean): number {
  if (areShares) {
    return Math.min(Math.max(value, 0), 1);
  }
  const largest = values.reduce((most, other) => Math.max(most, other), 0);
  return largest > 0 ? Math.max(value, 0) / largest : 0;
}

/** Whether the model's outputs are probabilities: only then do percentages mean something. */
export function areProbabilities(values: Float32Array): boolean {
  return values.every((value) => value >= 0 && value <= 1 + 1e-4);
}

/** What a comparison comes to before it starts. Pure. */
import type { Asks, LayerPayload, MethodPayload, WireTarget } from "../protocol";

/** What was chosen in the form; nothing chosen stands for the present setting. */
export interface Chosen {
  readonly methods: readonly string[];
  readonly classes: readonly number[];
  readonly layers: readonly string[];
}

export interface Estimate {
  readonly maps: number;
  /** At most: layers of one method share their passes. */
  readonly seconds: number | null;
}

/** How many maps these choices make, and what they cost; the kernel leaves out the same doubles. */
export function estimate(chosen: Chosen, methods: readonly MethodPayload[], present: string): Estimate {
  const names = chosen.methods.length > 0 ? chosen.methods : [present];
  let maps = 0;
  let seconds: number | null = 0;
  for (const method of methods.filter(({ id }) => names.includes(id))) {
    const classes = method.class_specific ? Math.max(chosen.classes.length, 1) : 1;
    const layers = method.uses_layer ? Math.max(chosen.layers.length, 1) : 1;
    maps += classes * layers;
    const each: number | null = method.cost.seconds;
    seconds = seconds === null || each === null ? null : seconds + classes * layers * each;
  }
  return { maps, seconds };
}

/** The choices as they are asked. */
export function asked({ methods, classes, layers }: Chosen): Asks["compare"] {
  const given = <T>(values: readonly T[]): T[] | null => (values.length > 0 ? [...values] : null);
  return { methods: given(methods), layers: given(layers), targets: given<WireTarget>(classes) };
}

/**
 * The layers to choose from, in the model's order: those that every chosen method which reads one can read.
 *
 * A few: where the model's outermost modules can be read they stand for what is inside them.
 */
export function commonLayers(
  chosen: Chosen,
  methods: readonly MethodPayload[],
  present: string,
  layers: readonly LayerPayload[],
): string[] {
  const names = chosen.methods.length > 0 ? chosen.methods : [present];
  const readers = methods.filter(({ id, uses_layer }) => names.includes(id) && uses_layer);
  if (readers.length === 0) {
    return [];
  }
  const fit = layers.filter((_, at) => readers.every((method) => !method.layer_refusals[at])).map(({ name }) => name);
  const depth = fit.reduce((least, name) => Math.min(least, depthOf(name)), Number.POSITIVE_INFINITY);
  const outer = fit.filter((name) => depthOf(name) === depth || readers.some((each) => each.default_layer === name));
  return outer.length > 2 ? outer : fit;
}

function depthOf(name: string): number {
  return name.split(".").length;
}

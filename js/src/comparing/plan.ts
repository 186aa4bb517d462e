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

/** The layers that every chosen method which reads one can read, in the model's order. */
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
  return layers.filter((_, at) => readers.every((method) => !method.layer_refusals[at])).map(({ name }) => name);
}

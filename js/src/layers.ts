import type { LayerPayload, MethodPayload, WireLayer } from "./protocol";

/** What a layer refuses, told once for all layers with the same reason. */
export interface Refusal {
  readonly reason: string;
  readonly layers: readonly string[];
}

/** The names of the layers that make sense for a method, in the model's order. */
export function usableLayers(method: MethodPayload, layers: readonly LayerPayload[]): string[] {
  return layers.filter((_, index) => (method.layer_refusals[index] ?? null) === null).map(({ name }) => name);
}

/** Whether a method can go on with the layer that is set; one that reads no layer does not mind. */
export function suits(method: MethodPayload, layers: readonly LayerPayload[], layer: WireLayer): boolean {
  const names = layer === null ? [] : [layer].flat();
  const usable = new Set(usableLayers(method, layers));
  return !method.uses_layer || names.every((name) => usable.has(name));
}

export function layerRefusals(method: MethodPayload, layers: readonly LayerPayload[]): Refusal[] {
  const groups = new Map<string, string[]>();
  layers.forEach(({ name }, index) => {
    const reason = method.layer_refusals[index];
    if (reason) {
      groups.set(reason, [...(groups.get(reason) ?? []), name]);
    }
  });
  return [...groups].map(([reason, names]) => ({ reason, layers: names }));
}

/**
 * The usable layer before (-1) or after (+1) the present one, or null at the end.
 *
 * The method's default counts as the layer it stands for, and of several fused layers the last is the present one.
 */
export function neighbourLayer(
  present: WireLayer,
  method: MethodPayload,
  layers: readonly LayerPayload[],
  step: -1 | 1,
): string | null {
  const name = Array.isArray(present) ? present.at(-1) : (present ?? method.default_layer);
  const at = layers.findIndex((layer) => layer.name === name);
  const usable = new Set(usableLayers(method, layers));
  const candidates = step > 0 ? layers.slice(at + 1) : layers.slice(0, Math.max(at, 0)).reverse();
  return candidates.find((layer) => usable.has(layer.name))?.name ?? null;
}

/** What all names begin with, up to a dot: it tells no layer from another. */
export function sharedPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let prefix = first.slice(0, first.lastIndexOf(".") + 1);
  while (prefix !== "" && !others.every((name) => name.startsWith(prefix))) {
    prefix = prefix.slice(0, prefix.lastIndexOf(".", prefix.length - 2) + 1);
  }
  return prefix;
}

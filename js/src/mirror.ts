import type { AnyModel } from "@anywidget/types";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { IDLE, TRAITS, type Trait, type Traits } from "./protocol";

export type Settings = { readonly [T in Trait]: ReadonlySignal<Traits[T]> };

/** What a kernel that does not know a setting would say. */
const MISSING = { status: IDLE, auto_runs: {}, expert: true, pins: [] } satisfies Partial<Traits>;

/** One signal a trait, following the model. */
export function mirror(model: AnyModel<Traits>, lifetime: AbortSignal): Settings {
  const stops: (() => void)[] = [];
  const follow = <T extends Trait>(name: T): Signal<Traits[T]> => {
    const missing = (MISSING as Partial<Traits>)[name] ?? (null as Traits[T]);
    const value = signal(model.get(name) ?? missing);
    const update = () => {
      value.value = model.get(name) ?? missing;
    };
    model.on(`change:${name}`, update);
    stops.push(() => model.off(`change:${name}`, update));
    return value;
  };
  const settings = Object.fromEntries(TRAITS.map((name) => [name, follow(name)])) as Settings;
  lifetime.addEventListener("abort", () => {
    for (const stop of stops) {
      stop();
    }
  });
  return settings;
}

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { decodePicture, decodeResult, type Picture, type Result } from "../paint/decode";
import type { Asks, PinnedPayload, SessionPayload, Traits } from "../protocol";
import { Refusal, type Store } from "../state";

/** A map that stays. */
export interface Pin {
  readonly number: number;
  readonly result: Result;
  readonly picture: Picture;
  readonly name: string;
  readonly model: string;
  /** Whether the model has changed since. */
  readonly earlier: boolean;
}

export interface PinsFeature {
  /** In order. */
  readonly pins: ReadonlySignal<readonly Pin[]>;
  /** Why the last wish could not be fulfilled. */
  readonly refusal: ReadonlySignal<string>;
  /** Pin the map that is shown. */
  pin(): void;
  unpin(number: number | null): void;
  /** Move a pin by so many places. */
  move(number: number, by: -1 | 1): void;
  compare(wished: Asks["compare"]): Promise<boolean>;
}

/** The pins as the kernel tells them; it keeps them, so that they are still there after the page was loaded anew. */
export function createPins(store: Store): PinsFeature {
  const told = signal<ReadonlyMap<number, Pin>>(new Map());
  const refusal = signal("");

  const pictureOf = ({ picture, volume, result }: PinnedPayload, buffers: readonly DataView[]): Picture | null => {
    if (picture !== null) {
      return decodePicture(picture, volume, buffers);
    }
    const { session } = store.known.peek();
    const other = [...told.peek().values()].find((pin) => pin.result.session === result.session);
    return session?.index === result.session ? session : (other?.picture ?? null);
  };
  store.listen("pinned", ({ pinned }, buffers) => {
    const picture = pictureOf(pinned, buffers);
    if (picture !== null) {
      const { pin: number, name, model, earlier } = pinned;
      const result = decodeResult(pinned.result, buffers);
      told.value = new Map(told.peek()).set(number, { number, result, picture, name, model, earlier });
    }
  });
  const shown = computed(
    () =>
      new Map([...told.value].map(([number, pin]) => [number, { ...pin, result: store.translateResult(pin.result) }])),
  );
  let before: readonly number[] = [];
  store.settings.pins.subscribe((numbers) => {
    const gone = before.filter((number) => !numbers.includes(number));
    before = numbers;
    if (gone.length > 0) {
      told.value = new Map([...told.peek()].filter(([number]) => !gone.includes(number)));
    }
  });

  const wish = async (asked: Promise<unknown>): Promise<boolean> => {
    try {
      await asked;
      refusal.value = "";
      return true;
    } catch (cause) {
      refusal.value = cause instanceof Refusal ? cause.error.title : String(cause);
      return false;
    }
  };
  return {
    pins: computed(() => store.settings.pins.value.flatMap((number) => shown.value.get(number) ?? [])),
    refusal,
    pin: () => void wish(store.ask("pin", {})),
    unpin: (number) => void wish(store.ask("unpin", { pin: number })),
    move(number, by) {
      void wish(store.ask("arrange", { pins: moved(store.settings.pins.peek(), number, by) }));
    },
    compare: (wished) => wish(store.ask("compare", wished)),
  };
}

/** The order with one number moved; at the ends nothing changes. */
export function moved(order: readonly number[], number: number, by: -1 | 1): number[] {
  const at = order.indexOf(number);
  const to = at + by;
  const next = [...order];
  if (at >= 0 && to >= 0 && to < order.length) {
    [next[at], next[to]] = [next[to], next[at]];
  }
  return next;
}

/** The settings that ask a map's question again, or null where only Python can: a function, or an array. */
export function questionOf(result: Result, { methods }: Pick<SessionPayload, "methods">): Partial<Traits> | null {
  const method = methods.find(({ id }) => id === result.method);
  const arrays = Object.values(result.params).some((value) => typeof value === "object" && value !== null);
  const { target } = result;
  if (method === undefined || arrays || (typeof target === "object" && target !== null && "callable" in target)) {
    return null;
  }
  const changed = method.params.filter(({ name, default: usual }) => (result.params[name] ?? null) !== usual);
  return {
    active: result.session,
    method: result.method,
    params: Object.fromEntries(changed.map(({ name }) => [name, result.params[name] ?? null])),
    target,
    layer: result.layer === method.default_layer ? null : result.layer,
  };
}

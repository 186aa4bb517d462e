import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Store } from "../state";
import type { Pen } from "./paper";

export interface Pens {
  readonly pen: Signal<Pen>;
  /** Across, in pixels of the picture. */
  readonly size: ReadonlySignal<number>;
  readonly largest: ReadonlySignal<number>;
  setSize(size: number): void;
  /** Larger or smaller by a step of a quarter. */
  resize(steps: number): void;
}

export const SMALLEST = 2;
/** Shares of the picture's shorter side. */
const FIRST = 1 / 6;
const LARGEST = 1 / 2;

/** What is drawn with, whatever is drawn. */
export function createPens(store: Store): Pens {
  const chosen = signal<number | null>(null);
  const side = computed(() => {
    const { session } = store.known.value;
    return session === null ? 1 : Math.min(session.width, session.height);
  });
  const largest = computed(() => Math.max(SMALLEST, Math.round(side.value * LARGEST)));
  const bounded = (size: number) => Math.min(Math.max(Math.round(size), SMALLEST), largest.value);
  const size = computed(() => bounded(chosen.value ?? side.value * FIRST));
  return {
    pen: signal<Pen>("brush"),
    size,
    largest,
    setSize(next) {
      chosen.value = bounded(next);
    },
    resize(steps) {
      const now = size.peek();
      chosen.value = bounded(now + steps * Math.max(1, Math.round(now / 4)));
    },
  };
}

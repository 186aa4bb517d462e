import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { decodeRegions, type Regions } from "../paint/decode";
import type { Answer } from "../reducer";
import { Refusal, type Reply, type Store } from "../state";
import type { Mask } from "./mask";

export interface RegionsFeature {
  /** The regions of the map that is shown; null while they are not known. */
  readonly current: ReadonlySignal<Regions | null>;
  /** Why they cannot be known, in the kernel's words. */
  readonly refusal: ReadonlySignal<string>;
  /** The number of the one that is pointed at. */
  readonly pointed: Signal<number | null>;
  /** Whether they are listed with their numbers. */
  readonly listed: Signal<boolean>;
  /** Ask for them, as often as the map changes, for as long as somebody needs them; returns how to stop. */
  want(): () => void;
  /** Ask once more, after a refusal. */
  again(): void;
}

/** Which places matter most for the present map, and what hiding each one does. */
export function createRegions(store: Store): RegionsFeature {
  const found = signal<Regions | null>(null);
  const refused = signal<{ answer: Answer; why: string } | null>(null);
  const pointed = signal<number | null>(null);
  const wanted = signal(0);
  const asked = signal<Answer | null>(null);

  const shown = computed(() => {
    const { answer } = store.known.value;
    return answer?.result.final ? answer : null;
  });
  const current = computed(() => {
    const [answer, regions] = [shown.value, found.value];
    const fits = answer !== null && regions?.of === answer.requestId && regions.session === answer.result.session;
    return fits ? regions : null;
  });
  const take = ({ message, buffers }: Reply) => {
    if (message.kind === "regions") {
      found.value = decodeRegions(message.regions, buffers);
    }
  };
  // A page without a kernel may be told unasked.
  store.listen("regions", (message, buffers) => take({ message, buffers }));

  effect(() => {
    const answer = shown.value;
    if (wanted.value === 0 || answer === null || answer === asked.value || current.value !== null) {
      return;
    }
    asked.value = answer;
    const refuse = (why: string) => {
      // What is said of an earlier map is no news.
      if (asked.peek() === answer) {
        refused.value = { answer, why };
      }
    };
    store.ask("regions", {}).then(
      (reply) => {
        try {
          take(reply);
        } catch (cause) {
          refuse(String(cause));
          return;
        }
        if (current.peek() === null) {
          refuse("");
        }
      },
      (cause: unknown) => refuse(cause instanceof Refusal ? cause.error.title : String(cause)),
    );
  });
  effect(() => {
    if (current.value === null) {
      pointed.value = null;
    }
  });
  return {
    current,
    refusal: computed(() => {
      const told = refused.value;
      const waits = told === null || told.answer !== shown.value || current.value !== null;
      return waits ? "" : store.say(told.why) || store.text.value.regionsUnknown;
    }),
    pointed,
    listed: signal(false),
    want() {
      wanted.value += 1;
      return () => {
        wanted.value -= 1;
      };
    },
    again() {
      batch(() => {
        refused.value = null;
        asked.value = null;
      });
    },
  };
}

/** One region as a mask. */
export function regionMask({ labels, shape: [height, width] }: Regions, number: number): Mask {
  return { width, height, marks: labels.map((label) => (label === number ? 1 : 0)) };
}

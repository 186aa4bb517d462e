import { batch, computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { decodeRegions, type Regions } from "../paint/decode";
import { Refusal, type Store } from "../state";

export interface RegionsFeature {
  /** The regions of the map that is shown; null while they are not known. */
  readonly current: ReadonlySignal<Regions | null>;
  /** Why they cannot be known, in the kernel's words. */
  readonly refusal: ReadonlySignal<string>;
  /** Ask for them, as often as the map changes, for as long as somebody needs them; returns how to stop. */
  want(): () => void;
}

/** Which places matter most for the present map, and what hiding each one does. */
export function createRegions(store: Store): RegionsFeature {
  const found = signal<Regions | null>(null);
  const refusal = signal("");
  const wanted = signal(0);
  let asked: unknown = null;

  const shown = computed(() => {
    const { answer } = store.known.value;
    return answer?.result.final ? answer : null;
  });
  const current = computed(() => (found.value?.of === shown.value?.requestId ? found.value : null));
  effect(() => {
    const answer = shown.value;
    if (wanted.value === 0 || answer === null || answer.requestId === asked) {
      return;
    }
    asked = answer.requestId;
    store.ask("regions", {}).then(
      ({ message, buffers }) => {
        if (message.kind === "regions") {
          batch(() => {
            found.value = decodeRegions(message.regions, buffers);
            refusal.value = "";
          });
        }
      },
      (cause: unknown) => {
        refusal.value = cause instanceof Refusal ? cause.error.title : String(cause);
      },
    );
  });
  return {
    current,
    refusal,
    want() {
      wanted.value += 1;
      return () => {
        wanted.value -= 1;
      };
    },
  };
}

import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { type Result, type Session, samePicture } from "../paint/decode";
import { resample } from "../paint/resample";
import type { Store } from "../state";
import { isBlank, type Mask, overlap } from "./mask";
import { createPaper, type Paper } from "./paper";

export interface Guess {
  readonly paper: Paper;
  /** Whether the map is shown again, with the guess over it. */
  readonly revealed: Signal<boolean>;
  /** The map's strongest places, by the movable share of its maximum; null while there is no map. */
  readonly places: ReadonlySignal<Mask | null>;
  /** How far guess and map agree, from 0 to 1; null before that can be said. */
  readonly agreement: ReadonlySignal<number | null>;
  again(): void;
}

/** What the person thinks the model looks at, drawn before the map is seen. */
export function createGuess(store: Store): Guess {
  const paper = createPaper();
  const revealed = signal(false);
  let picture: Session | null = null;

  effect(() => {
    const { session } = store.known.value;
    if (session !== null && (picture === null || !samePicture(session, picture))) {
      untracked(() => {
        paper.reset(session.width, session.height);
        revealed.value = false;
      });
    }
    picture = session ?? picture;
  });
  const places = computed(() => {
    const { session, answer } = store.known.value;
    return session === null || answer === null || !answer.result.final
      ? null
      : strongPlaces(answer.result, session.height, session.width, store.view.value.box_threshold);
  });
  return {
    paper,
    revealed,
    places,
    agreement: computed(() => {
      const found = revealed.value ? places.value : null;
      return found === null || isBlank(found) || found.marks.length !== paper.mask.value.marks.length
        ? null
        : overlap(paper.mask.value, found);
    }),
    again() {
      paper.clear();
      revealed.value = false;
    },
  };
}

/** Where a map, at the picture's size, lies above a share of its maximum; nowhere if nothing is positive. */
export function strongPlaces(result: Result, height: number, width: number, share: number): Mask {
  const values = resample(result, height, width, false);
  let most = 0;
  for (const value of values) {
    most = Number.isFinite(value) && value > most ? value : most;
  }
  const marks = new Uint8Array(values.length);
  for (let place = 0; place < values.length; place++) {
    marks[place] = most > 0 && values[place] > share * most ? 1 : 0;
  }
  return { width, height, marks };
}

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { isDescribed } from "../../parameters";
import type { FilmPayload } from "../../protocol";
import { sameQuestion } from "../../questions";
import { ranking } from "../../ranking";
import { Refusal, type Store } from "../../state";

/** Whoever steps through classes or layers faster than this wants every core for the next map, not for a strip. */
export const REST_MS = 200;

/** The small map of one layer. */
export interface Frame {
  readonly layer: string;
  readonly signed: boolean;
  /** [h, w], or [d, h, w] of a volume. */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface Film {
  readonly frames: readonly Frame[];
  /** How many layers are not shown, because there are too many. */
  readonly leftOut: number;
}

export interface FilmFeature {
  /** The maps of all layers for the present method and class; null while they are not known. */
  readonly current: ReadonlySignal<Film | null>;
  /** Why they cannot be known, in the kernel's words. */
  readonly refusal: ReadonlySignal<string>;
  /** Somebody has cancelled it. */
  readonly stopped: ReadonlySignal<boolean>;
  /** Ask for them, as often as they change, for as long as somebody looks at them; returns how to stop. */
  want(): () => void;
  /** Ask once more. */
  again(): void;
}

export function decodeFilm(payload: FilmPayload, buffers: readonly DataView[]): Film {
  const frames = payload.frames.map(({ layer, signed, shape, buffer }) => {
    const view = buffers[buffer];
    const length = shape.reduce((all, each) => all * each, Float32Array.BYTES_PER_ELEMENT);
    if (view?.byteLength !== length) {
      throw new Error(`The map of ${layer} should have ${length} bytes; got ${view?.byteLength ?? "none"}.`);
    }
    const values = new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + length) as ArrayBuffer);
    return { layer, signed, shape, values };
  });
  return { frames, leftOut: payload.left_out };
}

/** The strip of small maps: asked for when it is looked at and the map itself has been there for a while, kept until the question changes. */
export function createFilm(store: Store): FilmFeature {
  const found = signal<{ question: string; of: unknown; film: Film } | null>(null);
  const refusal = signal("");
  const stopped = signal(false);
  const wanted = signal(0);
  const attempts = signal(0);
  const { active, method, params, target } = store.settings;

  // The layer is no part of the question: every layer has the same film.
  const question = computed(() =>
    JSON.stringify([active.value, method.value, params.value, target.value, attempts.value]),
  );
  /** Tells one answer of the model from another: both arrive with the session. */
  const of = computed(() => store.known.value.session?.probabilities ?? null);
  // A setting is known here before the kernel knows it: what is shown must answer the settings as they are now.
  const ready = computed(() => {
    const { session, status, answer } = store.known.value;
    const filmed = session?.methods.find(({ id, film }) => film && id === method.value);
    if (session === null || filmed === undefined || status.state !== "done" || answer === null) {
      return false;
    }
    const { result } = answer;
    const asked = target.value ?? ranking(session.probabilities)[0];
    const described = { ...filmed, described: result.params };
    return result.method === method.value && sameQuestion(result.target, asked) && isDescribed(described, params.value);
  });
  let asked: { question: string; of: unknown } | null = null;

  const ask = (now: { question: string; of: unknown }) => {
    asked = now;
    store.ask("film", {}).then(
      ({ message, buffers }) => {
        if (message.kind === "film") {
          found.value = { ...now, film: decodeFilm(message.film, buffers) };
        } else if (message.kind === "cancelled") {
          stopped.value = true;
        }
      },
      (cause: unknown) => {
        refusal.value = cause instanceof Refusal ? cause.error.title : String(cause);
      },
    );
  };

  effect(() => {
    const now = { question: question.value, of: of.value };
    if (wanted.value === 0 || !ready.value || (asked?.question === now.question && asked.of === now.of)) {
      return;
    }
    refusal.value = "";
    stopped.value = false;
    const timer = setTimeout(() => ask(now), REST_MS);
    return () => clearTimeout(timer);
  });
  return {
    current: computed(() => {
      const known = found.value;
      return known !== null && known.question === question.value && known.of === of.value ? known.film : null;
    }),
    refusal: computed(() => store.say(refusal.value)),
    stopped,
    want() {
      wanted.value += 1;
      return () => {
        wanted.value -= 1;
      };
    },
    again() {
      attempts.value += 1;
    },
  };
}

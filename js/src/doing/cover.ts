import { batch, computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { type Session, samePicture } from "../paint/decode";
import type { CoverFill } from "../protocol";
import { Refusal, type Store } from "../state";
import { type Effect, effectOf } from "./effect";
import { isBlank, type Mask, packed, sameMask, unpacked } from "./mask";
import { createPaper, type Paper } from "./paper";

export interface Cover {
  readonly paper: Paper;
  readonly fill: Signal<CoverFill>;
  /** Cover everything except what was painted. */
  readonly keep: Signal<boolean>;
  /** What covering does to the classes; null while nothing is painted, or nothing is known of it yet. */
  readonly effect: ReadonlySignal<Effect | null>;
  /** Whether the numbers are those of what is painted now. */
  readonly settled: ReadonlySignal<boolean>;
  /** Why there are no numbers, in the kernel's words. */
  readonly refusal: ReadonlySignal<string>;
  /** Grows whenever Python has covered something. */
  readonly loaded: ReadonlySignal<number>;
}

interface Wish {
  readonly session: Session;
  readonly mask: Mask;
  readonly fill: CoverFill;
  readonly keep: boolean;
}

/** What the person covers, and what the model says of it: one question at a time, the newest one next. */
export function createCover(store: Store): Cover {
  const paper = createPaper();
  const fill = signal<CoverFill>("blur");
  const keep = signal(false);
  const found = signal<{ wish: Wish; probabilities: Float32Array } | null>(null);
  const refusal = signal("");
  const loaded = signal(0);
  let picture: Session | null = null;
  let told: Wish | null = null;
  let waiting = false;

  effect(() => {
    const { session } = store.known.value;
    if (session !== null && (picture === null || !samePicture(session, picture))) {
      untracked(() => {
        paper.reset(session.width, session.height);
        found.value = null;
        told = null;
      });
    }
    picture = session ?? picture;
  });
  const wanted = computed<Wish | null>(() => {
    const { session } = store.known.value;
    const mask = paper.mask.value;
    return session === null || mask.width !== session.width || mask.height !== session.height
      ? null
      : { session, mask, fill: fill.value, keep: keep.value };
  });

  const ask = () => {
    const wish = wanted.peek();
    const news = wish !== null && !sameWish(wish, told) && !(isBlank(wish.mask) && isBlankWish(told));
    if (!store.live || waiting || !news) {
      return;
    }
    waiting = true;
    told = wish;
    const { session, mask } = wish;
    const content = {
      session: session.index,
      fill: wish.fill,
      keep: wish.keep,
      shape: [mask.height, mask.width] as [number, number],
    };
    store.ask("probe", content, [packed(mask).buffer]).then(
      ({ message, buffers }) => {
        waiting = false;
        if (message.kind === "probed") {
          batch(() => {
            found.value = { wish, probabilities: numbers(buffers[0]) };
            refusal.value = "";
          });
        } else if (message.kind === "cancelled" || message.kind === "superseded") {
          // Somebody cancelled everything, or another page asked.
          told = null;
        }
        ask();
      },
      (cause: unknown) => {
        waiting = false;
        batch(() => {
          found.value = null;
          refusal.value = cause instanceof Refusal ? cause.error.title : String(cause);
        });
        ask();
      },
    );
  };
  effect(() => {
    wanted.value;
    untracked(ask);
  });
  store.listen("brush", ({ session, shape: [height, width] }, buffers) => {
    const now = store.known.peek().session;
    if (now === null || now.index !== session || now.width !== width || now.height !== height) {
      return;
    }
    const bits = buffers[0];
    const mask = unpacked(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength), width, height);
    if (!sameMask(mask, paper.mask.peek())) {
      paper.load(mask);
      loaded.value += isBlank(mask) ? 0 : 1;
    }
  });

  return {
    paper,
    fill,
    keep,
    effect: computed(() => {
      const { session } = store.known.value;
      const known = found.value;
      return session === null || known === null || paper.empty.value || known.wish.session.index !== session.index
        ? null
        : effectOf(session.probabilities, known.probabilities, store.settings.target.value);
    }),
    settled: computed(() => wanted.value !== null && sameWish(wanted.value, found.value?.wish ?? null)),
    refusal: computed(() => (paper.empty.value ? "" : refusal.value)),
    loaded,
  };
}

function isBlankWish(wish: Wish | null): boolean {
  return wish === null || isBlank(wish.mask);
}

function sameWish(one: Wish, other: Wish | null): boolean {
  return (
    other !== null &&
    one.session === other.session &&
    one.mask === other.mask &&
    one.fill === other.fill &&
    one.keep === other.keep
  );
}

function numbers(view: DataView): Float32Array {
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer);
}

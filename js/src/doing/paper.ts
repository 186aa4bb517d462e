import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import { blank, boxed, brushed, isBlank, type Mask, type Point, packed, sameMask, unpacked } from "./mask";

/** What a stroke does: a round brush or a box marks, the eraser takes away. */
export type Pen = "brush" | "box" | "eraser";
export const PENS: readonly Pen[] = ["brush", "box", "eraser"];

/** Strokes that can be taken back. */
const REMEMBERED = 100;

/** What somebody draws over a picture, stroke by stroke. */
export interface Paper {
  readonly mask: ReadonlySignal<Mask>;
  readonly empty: ReadonlySignal<boolean>;
  readonly canUndo: ReadonlySignal<boolean>;
  readonly canRedo: ReadonlySignal<boolean>;
  /** Whether a stroke is under way. */
  readonly busy: ReadonlySignal<boolean>;
  begin(at: Point, pen: Pen, radius: number): void;
  move(to: Point): void;
  end(): void;
  undo(): void;
  redo(): void;
  clear(): void;
  /** Take over a whole mask, as one step. */
  load(mask: Mask): void;
  /** Begin anew for another picture. */
  reset(width: number, height: number): void;
}

interface Stroke {
  readonly before: Mask;
  readonly start: Point;
  readonly pen: Pen;
  readonly radius: number;
  last: Point;
}

export function createPaper(): Paper {
  const mask = signal(blank(0, 0));
  const past = signal<readonly Uint8Array[]>([]);
  const future = signal<readonly Uint8Array[]>([]);
  const stroke = signal<Stroke | null>(null);

  const remember = (before: Mask) => {
    if (!sameMask(before, mask.peek())) {
      past.value = [...past.peek(), packed(before)].slice(-REMEMBERED);
      future.value = [];
    }
  };
  const load = (next: Mask) =>
    batch(() => {
      const before = mask.peek();
      mask.value = next;
      stroke.value = null;
      remember(before);
    });
  const step = (from: typeof past, to: typeof past) =>
    batch(() => {
      const { width, height } = mask.peek();
      const found = from.peek().at(-1);
      if (found !== undefined) {
        to.value = [...to.peek(), packed(mask.peek())];
        from.value = from.peek().slice(0, -1);
        mask.value = unpacked(found, width, height);
        stroke.value = null;
      }
    });
  return {
    mask,
    empty: computed(() => isBlank(mask.value)),
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    busy: computed(() => stroke.value !== null),
    begin(at, pen, radius) {
      batch(() => {
        stroke.value = { before: mask.peek(), start: at, last: at, pen, radius };
        this.move(at);
      });
    },
    move(to) {
      const now = stroke.peek();
      if (now === null) {
        return;
      }
      mask.value =
        now.pen === "box"
          ? boxed(now.before, now.start, to, 1)
          : brushed(mask.peek(), now.last, to, now.radius, now.pen === "brush" ? 1 : 0);
      now.last = to;
    },
    end() {
      const now = stroke.peek();
      if (now !== null) {
        batch(() => {
          stroke.value = null;
          remember(now.before);
        });
      }
    },
    undo: () => step(past, future),
    redo: () => step(future, past),
    clear() {
      const { width, height } = mask.peek();
      load(blank(width, height));
    },
    load,
    reset(width, height) {
      batch(() => {
        mask.value = blank(width, height);
        past.value = [];
        future.value = [];
        stroke.value = null;
      });
    },
  };
}

import { type ReadonlySignal, signal } from "@preact/signals";
import type { GalleryItemPayload } from "../protocol";
import type { Store } from "../state";

/** A picture of the gallery, and the session that shows it. */
export interface Entry extends Omit<GalleryItemPayload, "buffer"> {
  readonly session: number;
  /** Which of the models. */
  readonly place: number;
  /** Address of the thumbnail. */
  readonly address: string;
}

/** "all", "right", "wrong", or the class with this index. */
export type Filter = "all" | "right" | "wrong" | number;
export const SORTS = ["given", "high", "low"] as const;
export type Sort = (typeof SORTS)[number];

/** The pictures as the kernel tells them; a thumbnail travels once. */
export function createGallery(store: Store): ReadonlySignal<readonly Entry[]> {
  const entries = signal<readonly Entry[]>([]);
  store.listen("gallery", ({ items }, buffers) => {
    const before = entries.peek();
    const counts = new Map<number, number>();
    entries.value = items.map(({ buffer, ...item }, session) => {
      const place = counts.get(item.picture) ?? 0;
      counts.set(item.picture, place + 1);
      const known = before[session]?.address ?? "";
      if (buffer !== null && known !== "") {
        URL.revokeObjectURL(known);
      }
      return { ...item, session, place, address: buffer === null ? known : addressOf(buffers[buffer]) };
    });
  });
  return entries;
}

function addressOf(view: DataView): string {
  return URL.createObjectURL(new Blob([view as DataView<ArrayBuffer>], { type: "image/png" }));
}

/** Whether the prediction is right; null where nobody has said what is. */
export function isRight({ expected, predicted }: Pick<Entry, "expected" | "predicted">): boolean | null {
  return expected === null ? null : expected === predicted;
}

/** One entry a picture: the one of the model that is active. */
export function ofModel(entries: readonly Entry[], active: number): readonly Entry[] {
  const place = entries[active]?.place ?? 0;
  return entries.filter((entry) => entry.place === place);
}

/** What is shown, in its order; equal confidences keep the order given. */
export function arranged(entries: readonly Entry[], filter: Filter, sort: Sort): readonly Entry[] {
  const kept = entries.filter((entry) => fits(entry, filter));
  if (sort === "given") {
    return kept;
  }
  const sign = sort === "high" ? -1 : 1;
  return kept.sort((one, other) => sign * (one.probability - other.probability) || one.session - other.session);
}

function fits(entry: Entry, filter: Filter): boolean {
  if (typeof filter === "number") {
    return entry.predicted === filter;
  }
  return filter === "all" || isRight(entry) === (filter === "right");
}

/** The classes that were predicted, by how often, then by name. */
export function classesOf(entries: readonly Entry[]): readonly { index: number; label: string; count: number }[] {
  const counts = new Map<number, { index: number; label: string; count: number }>();
  for (const { predicted, label } of entries) {
    const known = counts.get(predicted) ?? { index: predicted, label, count: 0 };
    counts.set(predicted, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].sort((one, other) => other.count - one.count || (one.label < other.label ? -1 : 1));
}

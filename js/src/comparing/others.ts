import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { decodePicture, decodeResult, type Picture, type Result } from "../paint/decode";
import type { OtherPayload, SessionPayload } from "../protocol";
import type { Store } from "../state";

/** What another model says to the question that is shown. */
export interface Other extends Pick<OtherPayload, "of" | "session" | "model" | "error" | "probability"> {
  readonly result: Result | null;
  readonly picture: Picture | null;
}

/** The other models' answers to the question whose map is shown, by session. */
export function createOthers(store: Store): ReadonlySignal<ReadonlyMap<number, Other>> {
  const told = signal<readonly Other[]>([]);
  store.listen("other", ({ other }, buffers) => {
    const result = other.result === null ? null : decodeResult(other.result, buffers);
    const shown: Picture | null = store.known.peek().session;
    const picture = other.picture === null ? shown : decodePicture(other.picture, other.volume, buffers);
    const same = told.peek().filter(({ of, session }) => of === other.of && session !== other.session);
    told.value = [...same, { ...other, result, picture }];
  });
  return computed(() => {
    const { answer } = store.known.value;
    const present = told.value.filter(({ of }) => of === answer?.requestId);
    return new Map(
      present.map((other) => [
        other.session,
        { ...other, result: other.result && store.translateResult(other.result) },
      ]),
    );
  });
}

/** The sessions on the picture of one of them, by the gallery's list; without one there is a single picture. */
export function sessionsOfPicture(
  pictures: readonly number[],
  { index, names }: Pick<SessionPayload, "index" | "names">,
): number[] {
  const all = [...names.keys()];
  return pictures.length === names.length ? all.filter((at) => pictures[at] === pictures[index]) : [index];
}

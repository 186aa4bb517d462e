import { type ReadonlySignal, signal } from "@preact/signals";
import { Refusal, type Store } from "../state";
import { prepare } from "./photo";

export type PhotoProblem = { readonly kind: "unreadable" | "large"; readonly name: string } | { readonly said: string };

export interface PhotosFeature {
  /** The file that is under way, by name; empty when there is none. */
  readonly busy: ReadonlySignal<string>;
  readonly problem: ReadonlySignal<PhotoProblem | null>;
  /** Bring files, one after the other. */
  bring(files: readonly File[]): Promise<void>;
}

/** Own photos: made small here, checked and opened in the kernel. */
export function createPhotos(store: Store): PhotosFeature {
  const busy = signal("");
  const problem = signal<PhotoProblem | null>(null);
  let line: Promise<void> = Promise.resolve();

  const bringOne = async (file: File): Promise<void> => {
    busy.value = file.name;
    problem.value = null;
    try {
      const small = await prepare(file).catch(() => undefined);
      if (small === undefined || small === null) {
        problem.value = { kind: small === null ? "large" : "unreadable", name: file.name };
        return;
      }
      await store.ask("photo", { name: file.name }, [await small.arrayBuffer()]);
    } catch (cause) {
      problem.value = { said: cause instanceof Refusal ? cause.error.title : String(cause) };
    } finally {
      busy.value = "";
    }
  };
  return {
    busy,
    problem,
    bring(files) {
      for (const file of files) {
        line = line.then(() => bringOne(file));
      }
      return line;
    },
  };
}

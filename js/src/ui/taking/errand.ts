import { type ReadonlySignal, useSignal } from "@preact/signals";

/** Something that the kernel is asked to do: whether it is being done, and how to begin; what goes wrong is told. */
export function useErrand(
  work: () => Promise<void>,
  tell: (words: string) => void,
): { readonly waiting: ReadonlySignal<boolean>; begin(): Promise<void> } {
  const waiting = useSignal(false);
  const begin = async () => {
    waiting.value = true;
    try {
      await work();
    } catch (cause) {
      tell(cause instanceof Error ? cause.message : String(cause));
    } finally {
      waiting.value = false;
    }
  };
  return { waiting, begin };
}

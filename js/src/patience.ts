import { signal } from "@preact/signals";

/** How long a message may stay unanswered before the page says that the kernel is silent. */
export const PATIENCE_MS = 10_000;

/** Notices when nothing comes back. */
export function createWatch(lifetime: AbortSignal) {
  const silent = signal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  lifetime.addEventListener("abort", () => clearTimeout(timer));
  return {
    silent,
    begin() {
      timer ??= setTimeout(() => {
        silent.value = true;
      }, PATIENCE_MS);
    },
    heard() {
      clearTimeout(timer);
      timer = undefined;
      silent.value = false;
    },
  };
}

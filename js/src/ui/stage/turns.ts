/** Jobs that take turns: many small pictures must not keep the large one from following a slider. */
export interface Turns {
  /** Do this in one of the next frames; a job of the same owner that still waits is replaced. */
  take(owner: object, job: () => void): void;
  leave(owner: object): void;
}

/** What a frame may take of the time until the next one; one job is always done. */
const SHARE_MS = 5;

export function createTurns(): Turns {
  const waiting = new Map<object, () => void>();
  let asked = false;
  const ask = () => {
    if (!asked) {
      asked = true;
      requestAnimationFrame(next);
    }
  };
  const next = () => {
    asked = false;
    const start = performance.now();
    for (const [owner, job] of waiting) {
      waiting.delete(owner);
      job();
      if (performance.now() - start > SHARE_MS) {
        break;
      }
    }
    if (waiting.size > 0) {
      ask();
    }
  };
  return {
    take(owner, job) {
      waiting.set(owner, job);
      ask();
    },
    leave(owner) {
      waiting.delete(owner);
    },
  };
}

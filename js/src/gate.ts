/** Lets things through in the order in which they came; while it is closed they wait. */
export interface Gate<T extends unknown[]> {
  pass(...thing: T): void;
  /** Stay closed until some work has ended, well or badly. */
  closeFor(work: Promise<unknown>): void;
}

export function createGate<T extends unknown[]>(deliver: (...thing: T) => void): Gate<T> {
  const waiting: T[] = [];
  let closed = 0;
  const open = () => {
    for (let next = waiting.shift(); next !== undefined; next = closed === 0 ? waiting.shift() : undefined) {
      deliver(...next);
    }
  };
  return {
    pass(...thing) {
      waiting.push(thing);
      if (closed === 0) {
        open();
      }
    },
    closeFor(work) {
      closed += 1;
      const done = () => {
        closed -= 1;
        if (closed === 0) {
          open();
        }
      };
      work.then(done, done);
    },
  };
}

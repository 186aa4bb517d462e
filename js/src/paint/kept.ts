/** A function that remembers its last answer. */
export function kept<A extends readonly unknown[], T>(make: (...from: A) => T): (...from: A) => T {
  let last: { from: A; made: T } | null = null;
  return (...from) => {
    if (last === null || from.some((each, i) => each !== last?.from[i])) {
      last = { from, made: make(...from) };
    }
    return last.made;
  };
}

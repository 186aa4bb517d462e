import { describe, expect, it } from "vitest";
import { createGate } from "../src/gate";

function work() {
  let end = () => {};
  let fail = (_: unknown) => {};
  const promise = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { promise, end, fail };
}

const soon = () => new Promise<void>((resolve) => setTimeout(resolve));

describe("a gate", () => {
  it("lets through at once while it is open", () => {
    const seen: string[] = [];
    const gate = createGate((one: string, other: number) => void seen.push(`${one} ${other}`));
    gate.pass("a", 1);
    expect(seen).toEqual(["a 1"]);
  });

  it.each(["end", "fail"] as const)("keeps the order when work that it is closed for comes to its %s", async (how) => {
    const seen: string[] = [];
    const gate = createGate((one: string) => void seen.push(one));
    const job = work();
    gate.closeFor(job.promise);
    gate.pass("a");
    gate.pass("b");
    await soon();
    expect(seen).toEqual([]);
    job[how](new Error("of no consequence"));
    await soon();
    gate.pass("c");
    expect(seen).toEqual(["a", "b", "c"]);
  });

  it("waits for all of several works", async () => {
    const seen: string[] = [];
    const gate = createGate((one: string) => void seen.push(one));
    const [one, other] = [work(), work()];
    gate.closeFor(one.promise);
    gate.closeFor(other.promise);
    gate.pass("a");
    one.end();
    await soon();
    expect(seen).toEqual([]);
    other.end();
    await soon();
    expect(seen).toEqual(["a"]);
  });

  it("may be closed again by what it lets through", async () => {
    const seen: string[] = [];
    const [one, other] = [work(), work()];
    const gate = createGate((what: string) => {
      seen.push(what);
      if (what === "close") {
        gate.closeFor(other.promise);
      }
    });
    gate.closeFor(one.promise);
    for (const what of ["a", "close", "b"]) {
      gate.pass(what);
    }
    one.end();
    await soon();
    expect(seen).toEqual(["a", "close"]);
    other.end();
    await soon();
    expect(seen).toEqual(["a", "close", "b"]);
  });

  it("that could not deliver one thing delivers the next", () => {
    const seen: string[] = [];
    const gate = createGate((what: string) => {
      if (what === "bad") {
        throw new Error(what);
      }
      seen.push(what);
    });
    expect(() => gate.pass("bad")).toThrow("bad");
    gate.pass("good");
    expect(seen).toEqual(["good"]);
  });
});

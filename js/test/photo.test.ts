import { describe, expect, it } from "vitest";
import { type Attempt, attempts, firstSmall, fitted, isSmall, LARGEST_BYTES } from "../src/comparing/photo";

describe("a photo's size", () => {
  it("has its longest side shortened, in proportion", () => {
    expect(fitted({ width: 4000, height: 3000 }, 1024)).toEqual({ width: 1024, height: 768 });
    expect(fitted({ width: 3000, height: 4000 }, 1024)).toEqual({ width: 768, height: 1024 });
  });

  it("never grows and never vanishes", () => {
    expect(fitted({ width: 300, height: 200 }, 1024)).toEqual({ width: 300, height: 200 });
    expect(fitted({ width: 9000, height: 2 }, 1024)).toEqual({ width: 1024, height: 1 });
  });
});

describe("a file", () => {
  it("is sent as it is if it is small and of a format that every reader knows", () => {
    const size = { width: 1024, height: 500 };
    expect(isSmall("image/png", LARGEST_BYTES, size)).toBe(true);
    expect(isSmall("image/png", LARGEST_BYTES + 1, size)).toBe(false);
    expect(isSmall("image/svg+xml", 100, size)).toBe(false);
    expect(isSmall("image/jpeg", 100, { width: 1025, height: 5 })).toBe(false);
  });
});

describe("attempts", () => {
  const size = { width: 2048, height: 1024 };

  it("begin without loss where there was none, and get coarser, then smaller", () => {
    const found = attempts("image/png", size);
    expect(found[0]).toEqual({ width: 1024, height: 512, type: "image/png", quality: undefined });
    const qualities = found.filter(({ type, width }) => type === "image/webp" && width === 1024);
    expect(qualities.map(({ quality }) => quality)).toEqual([0.92, 0.85, 0.75, 0.6]);
    expect([...new Set(found.map(({ width }) => width))]).toEqual([1024, 512, 256]);
    expect(attempts("image/jpeg", size).some(({ type }) => type === "image/png")).toBe(false);
  });

  it("end with the first that is small enough and that the browser can write", async () => {
    const tried: Attempt[] = [];
    const write = async (attempt: Attempt): Promise<Blob | null> => {
      tried.push(attempt);
      if (attempt.type === "image/webp") {
        return new Blob(["x"], { type: "image/png" }); // a browser that cannot write WebP writes PNG instead
      }
      const bytes = attempt.quality === 0.85 ? 10 : LARGEST_BYTES + 1;
      return new Blob([new Uint8Array(bytes)], { type: attempt.type });
    };
    const found = await firstSmall(attempts("image/png", size), write);
    expect([found?.type, found?.size]).toEqual(["image/jpeg", 10]);
    expect(tried).toHaveLength(5);
    expect(await firstSmall(attempts("image/png", size), async () => null)).toBeNull();
  });
});

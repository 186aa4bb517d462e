import { describe, expect, it } from "vitest";
import {
  blank,
  boxed,
  brushed,
  inverted,
  isBlank,
  type Mask,
  outline,
  overlap,
  packed,
  unpacked,
} from "../src/doing/mask";
import { createPaper } from "../src/doing/paper";

/** A mask from a drawing: "#" is marked. */
function drawn(...rows: string[]): Mask {
  const marks = Uint8Array.from(rows.join(""), (letter) => (letter === "#" ? 1 : 0));
  return { width: rows[0].length, height: rows.length, marks };
}

describe("a brush", () => {
  it("marks the pixels whose centre it passes over", () => {
    expect(brushed(blank(7, 5), { x: 2.5, y: 2.5 }, { x: 4.5, y: 2.5 }, 1.5, 1)).toEqual(
      drawn(".......", ".#####.", ".#####.", ".#####.", "......."),
    );
    expect(brushed(blank(5, 5), { x: 2.5, y: 2.5 }, { x: 2.5, y: 2.5 }, 2, 1)).toEqual(
      drawn("..#..", ".###.", "#####", ".###.", "..#.."),
    );
  });

  it("is never too thin to mark the pixel it stands on", () => {
    expect(brushed(blank(3, 1), { x: 1.95, y: 0.05 }, { x: 1.95, y: 0.05 }, 0.1, 1)).toEqual(drawn(".#."));
  });

  it("may leave the picture, and takes away as an eraser", () => {
    const full = inverted(blank(4, 2));
    expect(brushed(full, { x: -3, y: 1 }, { x: 1, y: 1 }, 1, 0)).toEqual(drawn("..##", "..##"));
    expect(isBlank(brushed(blank(4, 2), { x: -9, y: -9 }, { x: -8, y: -8 }, 1, 1))).toBe(true);
    expect(isBlank(full)).toBe(false);
  });
});

it("a box marks every pixel it touches, from whichever corner, within the picture", () => {
  const expected = drawn("....", ".##.", ".##.");
  expect(boxed(blank(4, 3), { x: 1.4, y: 1 }, { x: 2.2, y: 2.1 }, 1)).toEqual(expected);
  expect(boxed(blank(4, 3), { x: 2.2, y: 2.1 }, { x: 1.4, y: 1 }, 1)).toEqual(expected);
  expect(boxed(blank(4, 3), { x: -5, y: 2.5 }, { x: 99, y: 99 }, 1)).toEqual(drawn("....", "....", "####"));
});

describe("bits", () => {
  it("begin with the first pixel in the lowest bit", () => {
    expect([...packed(drawn("#..", "...", ".##"))]).toEqual([0b1000_0001, 0b1]);
  });

  it("give the mask back", () => {
    const mask = drawn("#.#.#", "##...", "....#");
    expect(unpacked(packed(mask), 5, 3)).toEqual(mask);
  });

  it("of another size are refused", () => {
    expect(() => unpacked(Uint8Array.of(1), 3, 3)).toThrow("3×3 pixels has 2 bytes; got 1");
  });
});

it("the overlap is what both mark of what either marks", () => {
  expect(overlap(drawn("##.."), drawn(".##."))).toBeCloseTo(1 / 3, 12);
  expect(overlap(drawn("##.."), drawn("##.."))).toBe(1);
  expect(overlap(drawn("...."), drawn("...."))).toBe(0);
});

describe("an outline", () => {
  it("goes around what is marked in straight lines", () => {
    expect(outline(drawn("....", ".##.", "...."))).toBe("M1 1H3V2H1Z");
    expect(outline(blank(3, 3))).toBe("");
  });

  it("leaves holes out, in the other direction", () => {
    expect(outline(drawn("###", "#.#", "###"))).toBe("M0 0H3V3H0ZM2 1H1V2H2Z");
  });

  it("closes around places that meet at a corner", () => {
    const path = outline(drawn("#.", ".#"));
    expect(path.match(/Z/g)?.length).toBeGreaterThan(0);
    const corners = (path.match(/[MHV]/g) ?? []).length;
    expect(corners).toBe(8);
  });
});

describe("paper", () => {
  const dab = (paper: ReturnType<typeof createPaper>, x: number) => {
    paper.begin({ x, y: 0.5 }, "brush", 0.5);
    paper.end();
  };

  it("takes strokes back and does them again", () => {
    const paper = createPaper();
    paper.reset(4, 1);
    dab(paper, 0.5);
    dab(paper, 2.5);
    expect(paper.mask.value).toEqual(drawn("#.#."));
    paper.undo();
    expect(paper.mask.value).toEqual(drawn("#..."));
    paper.redo();
    expect(paper.mask.value).toEqual(drawn("#.#."));
    paper.undo();
    dab(paper, 3.5);
    expect(paper.canRedo.value).toBe(false);
    expect(paper.mask.value).toEqual(drawn("#..#"));
    paper.clear();
    expect(paper.empty.value).toBe(true);
    paper.undo();
    expect(paper.mask.value).toEqual(drawn("#..#"));
  });

  it("counts a stroke as one step, and one that changes nothing as none", () => {
    const paper = createPaper();
    paper.reset(4, 1);
    paper.begin({ x: 0.5, y: 0.5 }, "box", 1);
    paper.move({ x: 3.5, y: 0.5 });
    paper.move({ x: 1.5, y: 0.5 });
    expect(paper.busy.value).toBe(true);
    paper.end();
    expect(paper.mask.value).toEqual(drawn("##.."));
    dab(paper, 0.5);
    paper.undo();
    expect(paper.empty.value).toBe(true);
    expect(paper.canUndo.value).toBe(false);
  });

  it("begins anew for another picture", () => {
    const paper = createPaper();
    paper.reset(4, 1);
    dab(paper, 0.5);
    paper.reset(2, 2);
    expect(paper.mask.value).toEqual(blank(2, 2));
    expect(paper.canUndo.value).toBe(false);
  });
});

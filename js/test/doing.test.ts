import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeModel, type FakeModel } from "../dev/fake-model";
import { createCover } from "../src/doing/cover";
import { effectOf, points, wholeShare } from "../src/doing/effect";
import { filled } from "../src/doing/fills";
import { createGuess, strongPlaces } from "../src/doing/guess";
import { createRegions } from "../src/doing/regions";
import type { Traits } from "../src/protocol";
import { createStore, type Store } from "../src/state";
import { RESULT, result, SESSION, status, TRAITS } from "./samples";

const REGIONS = {
  session: 0,
  of: 1,
  shape: [1, 2] as [number, number],
  quantity: "probability" as const,
  fill: "blur" as const,
  regions: [{ box: [0, 1, 1, 2], area: 0.5, before: 0.75, after: 0.5 }],
};

let lifetime: AbortController;
let model: FakeModel;
let store: Store;

beforeEach(() => {
  lifetime = new AbortController();
  model = createFakeModel(TRAITS);
  store = createStore(model as unknown as AnyModel<Traits>, lifetime.signal);
  tellSession();
});
afterEach(() => lifetime.abort());

function tellSession(pixels = [1, 2, 3, 4, 5, 6], index = 0) {
  const buffers = [Uint8Array.from(pixels).buffer, Float32Array.of(0.75, 0.25).buffer];
  model.tell({ kind: "session", request_id: null, session: { ...SESSION, index } }, buffers);
}

function tellResult(id: number, values = [0.5, 2]) {
  model.push("status", status("done", id));
  model.tell({ kind: "result", request_id: id, result: RESULT }, [Float32Array.from(values).buffer]);
}

/** The messages of a kind that the page has sent. */
function asked(kind: string) {
  const contents = model.sent.map(({ content }) => content as { kind?: string; request_id: string });
  return contents.filter((content) => content.kind === kind);
}

const later = () => new Promise((done) => setTimeout(done));

describe("covering", () => {
  const paint = (cover: ReturnType<typeof createCover>, x: number) => {
    cover.paper.begin({ x, y: 0.5 }, "brush", 0.4);
    cover.paper.end();
  };
  const answer = async (place: number, ...shares: number[]) => {
    const { request_id } = asked("probe")[place];
    model.tell({ kind: "probed", request_id, session: 0, shape: [2] }, [Float32Array.from(shares).buffer]);
    await later();
  };

  it("asks one question at a time, and then the newest", async () => {
    const cover = store.feature(createCover);
    paint(cover, 0.5);
    expect(asked("probe")).toHaveLength(1);
    expect(asked("probe")[0]).toMatchObject({ session: 0, fill: "blur", keep: false, shape: [1, 2] });
    paint(cover, 1.5);
    cover.keep.value = true;
    cover.fill.value = "grey";
    expect(asked("probe")).toHaveLength(1);
    expect(cover.settled.value).toBe(false);
    await answer(0, 0.5, 0.5);
    expect(asked("probe")).toHaveLength(2);
    expect(asked("probe")[1]).toMatchObject({ fill: "grey", keep: true });
    await answer(1, 0.25, 0.75);
    expect(asked("probe")).toHaveLength(2);
    expect(cover.settled.value).toBe(true);
    expect(cover.effect.value?.changes).toEqual([
      { index: 0, before: 0.75, after: 0.25 },
      { index: 1, before: 0.25, after: 0.75 },
    ]);
  });

  it("tells the kernel that everything was cleared, and asks nothing before something is painted", async () => {
    const cover = store.feature(createCover);
    cover.fill.value = "mean";
    expect(asked("probe")).toHaveLength(0);
    paint(cover, 0.5);
    await answer(0, 0.5, 0.5);
    cover.paper.clear();
    expect(asked("probe")).toHaveLength(2);
    expect(cover.effect.value).toBeNull();
  });

  it("asks again when somebody cancelled everything, and says what the kernel refuses", async () => {
    const cover = store.feature(createCover);
    paint(cover, 0.5);
    model.tell({ kind: "cancelled", request_id: asked("probe")[0].request_id });
    await later();
    expect(asked("probe")).toHaveLength(2);
    const error = { title: "No such picture.", hint: "", traceback: "" };
    model.tell({ kind: "error", request_id: asked("probe")[1].request_id, error });
    await later();
    expect(cover.refusal.value).toBe("No such picture.");
    expect(asked("probe")).toHaveLength(2);
  });

  it("takes over what Python covers", () => {
    const cover = store.feature(createCover);
    model.tell({ kind: "brush", request_id: null, session: 0, shape: [1, 2] }, [Uint8Array.of(0b10).buffer]);
    expect([...cover.paper.mask.value.marks]).toEqual([0, 1]);
    expect(cover.loaded.value).toBe(1);
    model.tell({ kind: "brush", request_id: null, session: 7, shape: [1, 2] }, [Uint8Array.of(0b01).buffer]);
    expect([...cover.paper.mask.value.marks]).toEqual([0, 1]);
  });

  it("keeps what is painted for another model of the picture, and forgets it for another picture", () => {
    const cover = store.feature(createCover);
    paint(cover, 0.5);
    tellSession([1, 2, 3, 4, 5, 6], 1);
    expect(cover.paper.empty.value).toBe(false);
    tellSession([9, 9, 9, 4, 5, 6], 2);
    expect(cover.paper.empty.value).toBe(true);
  });
});

describe("regions", () => {
  it("are asked for when somebody wants them, once a map", async () => {
    const regions = store.feature(createRegions);
    tellResult(1);
    expect(asked("regions")).toHaveLength(0);
    regions.want();
    regions.want();
    expect(asked("regions")).toHaveLength(1);
    const { request_id } = asked("regions")[0];
    model.tell({ kind: "regions", request_id, regions: REGIONS }, [Uint8Array.of(0, 1).buffer]);
    await later();
    expect([...(regions.current.value?.labels ?? [])]).toEqual([0, 1]);
    tellResult(2);
    expect(regions.current.value).toBeNull();
    expect(asked("regions")).toHaveLength(2);
  });

  it("of a map that was replaced meanwhile are not shown, nor is why they failed", async () => {
    const regions = store.feature(createRegions);
    tellResult(1);
    regions.want();
    tellResult(2);
    expect(asked("regions")).toHaveLength(2);
    const [first, second] = asked("regions");
    model.tell({ kind: "error", request_id: first.request_id, error: { title: "old", hint: "", traceback: "" } });
    model.tell({ kind: "regions", request_id: second.request_id, regions: { ...REGIONS, of: 2 } }, [
      Uint8Array.of(0, 1).buffer,
    ]);
    await later();
    expect(regions.refusal.value).toBe("");
    expect(regions.current.value?.of).toBe(2);
  });

  it("that are refused say why, and can be asked for again", async () => {
    const regions = store.feature(createRegions);
    tellResult(1);
    regions.want();
    const { request_id } = asked("regions")[0];
    model.tell({ kind: "error", request_id, error: { title: "The model has changed.", hint: "", traceback: "" } });
    await later();
    expect(regions.refusal.value).toBe("The model has changed.");
    regions.again();
    expect(regions.refusal.value).toBe("");
    expect(asked("regions")).toHaveLength(2);
  });

  it("may be told unasked", () => {
    const regions = store.feature(createRegions);
    tellResult(1);
    model.tell({ kind: "regions", request_id: null, regions: REGIONS }, [Uint8Array.of(0, 1).buffer]);
    expect(regions.current.value?.regions).toHaveLength(1);
    regions.want();
    expect(asked("regions")).toHaveLength(0);
  });
});

describe("a guess", () => {
  it("is compared with the map once it is revealed", () => {
    const guess = store.feature(createGuess);
    tellResult(1, [-1, 2]);
    guess.paper.begin({ x: 0, y: 0 }, "box", 1);
    guess.paper.move({ x: 2, y: 1 });
    guess.paper.end();
    expect(guess.agreement.value).toBeNull();
    guess.revealed.value = true;
    expect(guess.agreement.value).toBe(0.5);
    guess.again();
    expect(guess.paper.empty.value).toBe(true);
    expect(guess.revealed.value).toBe(false);
  });

  it("has nothing to agree with where nothing is positive", () => {
    const guess = store.feature(createGuess);
    tellResult(1, [-1, 0]);
    guess.revealed.value = true;
    expect(guess.agreement.value).toBeNull();
  });

  it("counts what lies above a share of the maximum", () => {
    expect([...strongPlaces(result([1, 2, 4]), 1, 3, 0.5).marks]).toEqual([0, 0, 1]);
    expect([...strongPlaces(result([1, 2, 4]), 1, 3, 0.49).marks]).toEqual([0, 1, 1]);
  });
});

describe("the effect", () => {
  it("tells of the class asked about, the likeliest, and the new winner", () => {
    const before = Float32Array.of(0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125);
    const after = Float32Array.of(0, 0, 0, 0, 0, 1);
    expect(effectOf(before, after, 4).changes.map(({ index }) => index)).toEqual([4, 0, 1, 2, 5]);
    expect(effectOf(before, after, { target: 1, foil: 0 }).changes[0]).toEqual({ index: 1, before: 0.25, after: 0 });
    expect(effectOf(before, after, null).changes[0].index).toBe(0);
    expect(effectOf(Float32Array.of(-2, 5), Float32Array.of(-1, 3), null).shares).toBe(false);
  });

  it("is in whole percent that add up", () => {
    expect([0, 0.001, 0.834, 0.999, 1].map(wholeShare)).toEqual(["0 %", "<1 %", "83 %", ">99 %", "100 %"]);
    expect(points(0.826, 0.414)).toBe(-42);
  });
});

describe("a fill", () => {
  const picture = { width: 2, height: 1, pixels: Uint8Array.of(0, 10, 20, 100, 30, 20) };

  it("is what the kernel means by its name", () => {
    expect([...filled(picture, "grey")]).toEqual([128, 128, 128, 255, 128, 128, 128, 255]);
    expect([...filled(picture, "mean")]).toEqual([50, 20, 20, 255, 50, 20, 20, 255]);
  });

  it("blurs nothing away from one colour", () => {
    const plain = { width: 4, height: 4, pixels: new Uint8Array(48).fill(77) };
    expect(new Set(filled(plain, "blur").filter((_, place) => place % 4 < 3))).toEqual(new Set([77]));
    expect(new Set(filled(plain, "noise").filter((_, place) => place % 4 < 3))).toEqual(new Set([77]));
  });
});

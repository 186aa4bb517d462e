import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeModel, type FakeModel } from "../dev/fake-model";
import { arranged, classesOf, type Entry, isRight, ofModel } from "../src/comparing/gallery";
import { createOthers, sessionsOfPicture } from "../src/comparing/others";
import { tileView } from "../src/comparing/painting";
import { createPins, moved, questionOf } from "../src/comparing/pins";
import { asked, commonLayers, estimate } from "../src/comparing/plan";
import { scalesOf } from "../src/comparing/scale";
import { DEFAULT_VIEW, type PinnedPayload, type Traits } from "../src/protocol";
import { createStore, type Store } from "../src/state";
import { OCCLUSION, RESULT, result, SESSION, TRAITS } from "./samples";

let lifetime: AbortController;
let model: FakeModel;
let store: Store;

beforeEach(() => {
  lifetime = new AbortController();
  model = createFakeModel(TRAITS);
  store = createStore(model as unknown as AnyModel<Traits>, lifetime.signal);
});

afterEach(() => lifetime.abort());

const PIXELS = Uint8Array.of(1, 2, 3, 4, 5, 6).buffer;
const VALUES = Float32Array.of(0.25, 1).buffer;
const tellSession = () =>
  model.tell({ kind: "session", request_id: null, session: SESSION }, [PIXELS, Float32Array.of(0.75, 0.25).buffer]);
const tellPin = (pin: number, change: Partial<PinnedPayload> = {}, buffers: ArrayBuffer[] = [VALUES]) => {
  const pinned = {
    pin,
    result: RESULT,
    name: "cat.png",
    model: "Net",
    earlier: false,
    picture: null,
    volume: null,
    ...change,
  };
  model.tell({ kind: "pinned", request_id: null, pinned }, buffers);
};

describe("pins", () => {
  it("stand in the kernel's order, each on the picture that is shown", () => {
    const { pins } = store.feature(createPins);
    tellSession();
    tellPin(1);
    tellPin(2);
    expect(pins.value).toEqual([]);
    model.push("pins", [2, 1]);
    expect(pins.value.map(({ number }) => number)).toEqual([2, 1]);
    expect([...pins.value[0].picture.pixels]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...pins.value[0].result.values]).toEqual([0.25, 1]);
  });

  it("of another picture bring it once", () => {
    const { pins } = store.feature(createPins);
    tellSession();
    const away = { ...RESULT, session: 3 };
    const picture = { shape: [2, 1, 3] as [number, number, number], dtype: "uint8" as const, buffer: 1 };
    tellPin(1, { result: away, picture }, [VALUES, Uint8Array.of(9, 8, 7, 6, 5, 4).buffer]);
    tellPin(2, { result: away });
    model.push("pins", [1, 2]);
    expect(pins.value.map(({ picture: { height } }) => height)).toEqual([2, 2]);
    expect([...pins.value[1].picture.pixels]).toEqual([9, 8, 7, 6, 5, 4]);
  });

  it("that are gone are forgotten", () => {
    const { pins } = store.feature(createPins);
    tellSession();
    tellPin(1);
    model.push("pins", [1]);
    model.push("pins", []);
    model.push("pins", [1]);
    expect(pins.value).toEqual([]);
  });

  it("are told again when their model has changed", () => {
    const { pins } = store.feature(createPins);
    tellSession();
    tellPin(1);
    model.push("pins", [1]);
    tellPin(1, { earlier: true });
    expect(pins.value.map(({ earlier }) => earlier)).toEqual([true]);
  });

  it("say why one could not be made", async () => {
    const { pin, refusal } = store.feature(createPins);
    model.answer = (what) => {
      if ("message" in what) {
        const error = { title: "not complete yet", hint: "", traceback: "" };
        queueMicrotask(() => model.tell({ kind: "error", request_id: what.message.request_id, error }));
      }
    };
    pin();
    await new Promise((done) => setTimeout(done));
    expect(refusal.value).toBe("not complete yet");
  });

  it("move by one place and stay within the row", () => {
    expect(moved([4, 7, 9], 7, 1)).toEqual([4, 9, 7]);
    expect(moved([4, 7, 9], 7, -1)).toEqual([7, 4, 9]);
    expect(moved([4, 7, 9], 4, -1)).toEqual([4, 7, 9]);
    expect(moved([4, 7, 9], 5, 1)).toEqual([4, 7, 9]);
  });
});

describe("a pin's question", () => {
  const cam = { ...OCCLUSION, id: "cam", uses_layer: true, default_layer: "layer4", params: [] };
  const methods = [OCCLUSION, cam];

  it("names only the parameters that are not the method's own", () => {
    expect(questionOf(result([1], { params: { window: 8 }, target: 1, session: 2 }), { methods })).toEqual({
      active: 2,
      method: "occlusion",
      params: { window: 8 },
      target: 1,
      layer: null,
    });
    expect(questionOf(result([1], { params: { window: null } }), { methods })?.params).toEqual({});
  });

  it("leaves the default layer to the method", () => {
    expect(questionOf(result([1], { method: "cam", layer: "layer4" }), { methods })?.layer).toBeNull();
    expect(questionOf(result([1], { method: "cam", layer: "layer2" }), { methods })?.layer).toBe("layer2");
  });

  it("can only be asked in Python where it holds a function or an array", () => {
    expect(questionOf(result([1], { target: { callable: "margin" } }), { methods })).toBeNull();
    expect(questionOf(result([1], { params: { window: { array: "8x8" } } }), { methods })).toBeNull();
    expect(questionOf(result([1], { method: "unknown" }), { methods })).toBeNull();
  });
});

describe("scales", () => {
  it("are one for maps of one unit, if wished", () => {
    const maps = [result([0, 2]), result([0, 5], { layer: "layer2" })];
    expect(scalesOf(maps, { shared: true, clip: 100 })).toEqual({ tops: [5, 5], shared: true, mixed: false });
    expect(scalesOf(maps, { shared: false, clip: 100 })).toEqual({ tops: [2, 5], shared: false, mixed: false });
  });

  it("are each map's own where the units differ", () => {
    const other = { tops: [2, 5], shared: false, mixed: true };
    expect(scalesOf([result([0, 2]), result([0, 5], { method: "rise" })], { shared: true, clip: 100 })).toEqual(other);
    expect(scalesOf([result([0, 2]), result([0, 5], { signed: true })], { shared: true, clip: 100 })).toEqual(other);
    const logit = result([0, 2], { params: { score: "logit", window: 3 } });
    expect(
      scalesOf([logit, result([0, 5], { params: { score: "probability", window: 3 } })], { shared: true, clip: 100 }),
    ).toEqual(other);
    expect(
      scalesOf([logit, result([0, 5], { params: { window: 9, score: "logit" } })], { shared: true, clip: 100 }).shared,
    ).toBe(true);
  });
});

describe("a tile", () => {
  it("shows one picture, whatever the large one shows", () => {
    expect(tileView({ ...DEFAULT_VIEW, mode: "side" }).mode).toBe("overlay");
    expect(tileView({ ...DEFAULT_VIEW, mode: "curtain" }).mode).toBe("overlay");
    expect(tileView({ ...DEFAULT_VIEW, mode: "map" }).mode).toBe("map");
  });
});

describe("the gallery", () => {
  const entry = (session: number, change: Partial<Entry> = {}): Entry => ({
    session,
    place: 0,
    address: "",
    name: `${session}.png`,
    model: "Net",
    picture: session,
    predicted: 0,
    label: "cat",
    probability: 0.5,
    expected: null,
    ...change,
  });
  const entries = [
    entry(0, { probability: 0.6, expected: 0 }),
    entry(1, { probability: 0.9, expected: 1 }),
    entry(2, { probability: 0.6, predicted: 1, label: "dog", expected: 1 }),
    entry(3, { probability: 0.3 }),
  ];
  const sessions = (found: readonly Entry[]) => found.map(({ session }) => session);

  it("knows right and wrong where it was told", () => {
    expect(entries.map(isRight)).toEqual([true, false, true, null]);
  });

  it("is filtered by right, wrong and class", () => {
    expect(sessions(arranged(entries, "right", "given"))).toEqual([0, 2]);
    expect(sessions(arranged(entries, "wrong", "given"))).toEqual([1]);
    expect(sessions(arranged(entries, 1, "given"))).toEqual([2]);
  });

  it("is sorted by confidence, and equals keep their order", () => {
    expect(sessions(arranged(entries, "all", "high"))).toEqual([1, 0, 2, 3]);
    expect(sessions(arranged(entries, "all", "low"))).toEqual([3, 0, 2, 1]);
    expect(sessions(arranged(entries, "all", "given"))).toEqual([0, 1, 2, 3]);
  });

  it("counts the classes that were predicted", () => {
    expect(classesOf(entries)).toEqual([
      { index: 0, label: "cat", count: 3 },
      { index: 1, label: "dog", count: 1 },
    ]);
  });

  it("shows the pictures as the active model sees them", () => {
    const both = [entry(0), entry(1, { place: 1 }), entry(2), entry(3, { place: 1 })];
    expect(sessions(ofModel(both, 3))).toEqual([1, 3]);
  });
});

describe("other models", () => {
  it("are those on the same picture", () => {
    const names = ["A 1", "B 2", "A 1 · mine", "B 2 · mine"];
    expect(sessionsOfPicture([0, 0, 1, 1], { index: 3, names })).toEqual([2, 3]);
    expect(sessionsOfPicture([], { index: 1, names })).toEqual([1]);
  });

  it("answer the question that is shown, and no earlier one", () => {
    const others = store.feature(createOthers);
    tellSession();
    model.tell({ kind: "result", request_id: 5, result: RESULT }, [VALUES]);
    const other = {
      session: 1,
      model: "B",
      error: null,
      picture: null,
      volume: null,
      probability: 0.4,
      result: RESULT,
    };
    model.tell({ kind: "other", request_id: null, other: { ...other, of: 4 } }, [VALUES]);
    expect(others.value.size).toBe(0);
    model.tell({ kind: "other", request_id: null, other: { ...other, of: 5 } }, [VALUES]);
    expect(others.value.get(1)?.probability).toBe(0.4);
    expect([...(others.value.get(1)?.picture?.pixels ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("a comparison", () => {
  const layer = (name: string) => ({ name, type: "Conv2d", shape: [1, 2, 2], calls: 1 });
  const methods = [
    { ...OCCLUSION, cost: { forwards: 50, backwards: 0, seconds: 2 } },
    {
      ...OCCLUSION,
      id: "cam",
      uses_layer: true,
      layer_refusals: [null, "no"],
      cost: { forwards: 1, backwards: 1, seconds: 0.1 },
    },
    { ...OCCLUSION, id: "guided", class_specific: false, cost: { forwards: 1, backwards: 1, seconds: null } },
  ];

  it("counts its maps and their seconds: what a method does not look at makes no difference", () => {
    const all = { methods: ["occlusion", "cam"], classes: [0, 1], layers: ["a", "b", "c"] };
    expect(estimate(all, methods, "occlusion")).toEqual({ maps: 8, seconds: expect.closeTo(4.6, 9) });
    expect(estimate({ ...all, methods: ["guided"] }, methods, "cam")).toEqual({ maps: 1, seconds: null });
    expect(estimate({ methods: [], classes: [], layers: [] }, methods, "cam").maps).toBe(1);
  });

  it("leaves out what was not chosen", () => {
    expect(asked({ methods: [], classes: [3], layers: [] })).toEqual({ methods: null, layers: null, targets: [3] });
  });

  it("offers the layers that all chosen methods can read", () => {
    const layers = [layer("a"), layer("b")];
    const none = { methods: [], classes: [], layers: [] };
    expect(commonLayers({ ...none, methods: ["cam", "occlusion"] }, methods, "occlusion", layers)).toEqual(["a"]);
    expect(commonLayers(none, methods, "occlusion", layers)).toEqual([]);
    const deep = ["stem", "layer1.conv", "layer1", "layer2.conv", "layer2"].map(layer);
    const cam = { ...methods[1], layer_refusals: [null, null, null, null, null] };
    expect(commonLayers(none, [cam], "cam", deep)).toEqual(["stem", "layer1", "layer2"]);
    const last = { ...cam, default_layer: "layer2.conv" };
    expect(commonLayers(none, [last], "cam", deep)).toEqual(["stem", "layer1", "layer2.conv", "layer2"]);
    expect(commonLayers(none, [cam], "cam", deep.slice(0, 2))).toEqual(["stem", "layer1.conv"]);
  });
});

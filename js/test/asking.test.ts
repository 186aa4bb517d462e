import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeModel, type FakeModel } from "../dev/fake-model";
import { sharedPrefix } from "../src/layers";
import { methodGroups, movedTo, runsByItself } from "../src/methods";
import { colourTable } from "../src/paint/tables";
import { asWords } from "../src/parameters";
import { DEFAULT_VIEW, type FilmPayload, type MethodPayload, type Traits } from "../src/protocol";
import { askedClasses, sameQuestion, suggestedFoil, toggleFoil } from "../src/questions";
import { createStore, type Store } from "../src/state";
import { thumbnail } from "../src/ui/asking/colouring";
import { createFilm, decodeFilm, REST_MS } from "../src/ui/asking/filming";
import { OCCLUSION, RESULT, SESSION, status, TRAITS, windowed } from "./samples";

describe("a question", () => {
  it("is about the predicted class, a class, or one class rather than another", () => {
    expect(askedClasses(null, 7)).toEqual({ target: 7, foil: null });
    expect(askedClasses(3, 7)).toEqual({ target: 3, foil: null });
    expect(askedClasses({ target: 3, foil: 4 }, 7)).toEqual({ target: 3, foil: 4 });
    expect(askedClasses({ callable: "margin" }, 7)).toEqual({ target: null, foil: null });
  });

  it("is best held against the likeliest other class", () => {
    expect(suggestedFoil([2, 5, 1], { target: 2, foil: null })).toBe(5);
    expect(suggestedFoil([2, 5, 1], { target: 1, foil: null })).toBe(2);
    expect(suggestedFoil([2], { target: 2, foil: null })).toBeNull();
    expect(suggestedFoil([2, 5], { target: null, foil: null })).toBeNull();
  });

  it("takes up a foil, another one, and none again", () => {
    expect(toggleFoil({ target: 1, foil: null }, 4)).toEqual({ target: 1, foil: 4 });
    expect(toggleFoil({ target: 1, foil: 4 }, 5)).toEqual({ target: 1, foil: 5 });
    expect(toggleFoil({ target: 1, foil: 4 }, 4)).toBe(1);
    expect(toggleFoil({ target: 1, foil: 4 }, 1)).toBe(1);
  });

  it("is the same whatever the order in which it was written", () => {
    expect(sameQuestion({ target: 1, foil: 4 }, { foil: 4, target: 1 })).toBe(true);
    expect(sameQuestion({ target: 1, foil: 4 }, { target: 4, foil: 1 })).toBe(false);
    expect(sameQuestion(1, 1)).toBe(true);
    expect(sameQuestion(null, 0)).toBe(false);
  });
});

describe("methods", () => {
  const methods = [
    { ...OCCLUSION, summary: "Covers patches." },
    { ...OCCLUSION, id: "grad_cam", label: "Grad-CAM", access: "white_box" as const, summary: "By gradients." },
    { ...OCCLUSION, id: "rise", label: "RISE", summary: "Random masks." },
  ];
  const ids = (groups: ReturnType<typeof methodGroups>) =>
    groups.map(({ access, methods: members }) => [access, ...members.map(({ id }) => id)]);

  it("stand together by what they need of the model", () => {
    expect(ids(methodGroups(methods))).toEqual([
      ["white_box", "grad_cam"],
      ["black_box", "occlusion", "rise"],
    ]);
  });

  it("are found by every word of name, id or summary", () => {
    expect(ids(methodGroups(methods, "GRAD cam"))).toEqual([["white_box", "grad_cam"]]);
    expect(ids(methodGroups(methods, "masks"))).toEqual([["black_box", "rise"]]);
    expect(methodGroups(methods, "shapley")).toEqual([]);
  });

  it("run by themselves as somebody said, else as the kernel thinks right", () => {
    expect(runsByItself(OCCLUSION, {})).toBe(true);
    expect(runsByItself({ ...OCCLUSION, auto: false }, {})).toBe(false);
    expect(runsByItself({ ...OCCLUSION, auto: false }, { occlusion: true })).toBe(true);
    expect(runsByItself(OCCLUSION, { occlusion: false, rise: true })).toBe(false);
  });
});

describe("keys", () => {
  it("move along a row and stop at its ends", () => {
    expect([movedTo("ArrowRight", 1, 3), movedTo("ArrowDown", 2, 3)]).toEqual([2, 2]);
    expect([movedTo("ArrowLeft", 0, 3), movedTo("ArrowUp", 2, 3)]).toEqual([0, 1]);
    expect([movedTo("Home", 2, 3), movedTo("End", 0, 3)]).toEqual([0, 2]);
    expect(movedTo("a", 1, 3)).toBeNull();
  });
});

describe("names", () => {
  it("lose what all of them begin with, up to a dot", () => {
    expect(sharedPrefix(["net.layer1.conv1", "net.layer1.conv2", "net.layer2"])).toBe("net.");
    expect(sharedPrefix(["features.0", "features.1"])).toBe("features.");
    expect(sharedPrefix(["layer1", "layer2"])).toBe("");
    expect(sharedPrefix(["a.b.c", "a.bc.d"])).toBe("a.");
    expect(sharedPrefix([])).toBe("");
  });

  it("of choices are words", () => {
    expect(asWords("gauss_legendre")).toBe("gauss legendre");
  });
});

const FILM: FilmPayload = {
  session: 0,
  method: "grad_cam",
  params: {},
  target: 0,
  frames: [
    { layer: "a", signed: false, shape: [1, 2], buffer: 1 },
    { layer: "b", signed: true, shape: [1, 3], buffer: 0 },
  ],
  left_out: 4,
};
const BUFFERS = [windowed(Float32Array.of(-2, 0, 1)), windowed(Float32Array.of(0, 3))];

describe("small maps", () => {
  it("are read from windows of any offset", () => {
    const film = decodeFilm(FILM, BUFFERS);
    expect(film.frames.map(({ layer, values }) => [layer, ...values])).toEqual([
      ["a", 0, 3],
      ["b", -2, 0, 1],
    ]);
    expect(film.leftOut).toBe(4);
    expect(() => decodeFilm(FILM, BUFFERS.slice(0, 1))).toThrow("The map of a should have 8 bytes; got none.");
  });

  it("have the colours of the view, each against its own maximum", () => {
    const [first, second] = decodeFilm(FILM, BUFFERS).frames;
    const gray = { ...DEFAULT_VIEW, colormap: "gray" };
    expect([...thumbnail(first, gray)]).toEqual([0, 0, 0, 255, 255, 255, 255, 255]);
    const table = colourTable("auto", true);
    const colour = (at: number) => [...table.subarray(3 * at, 3 * at + 3), 255];
    expect([...thumbnail(second, DEFAULT_VIEW)]).toEqual([...colour(0), ...colour(128), ...colour(191)]);
  });
});

describe("the strip", () => {
  const METHOD: MethodPayload = { ...OCCLUSION, id: "grad_cam", film: true, params: [], described: {} };
  let lifetime: AbortController;
  let model: FakeModel;
  let store: Store;

  const traits: Traits = { ...TRAITS, method: "grad_cam" };
  const session = () => {
    const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6).buffer;
    const shares = Float32Array.of(0.75, 0.25).buffer;
    model.tell({ kind: "session", request_id: null, session: { ...SESSION, methods: [METHOD] } }, [pixels, shares]);
  };
  const done = (id: number, target: number) => {
    const result = { ...RESULT, method: "grad_cam", target };
    model.tell({ kind: "result", request_id: id, result }, [Float32Array.of(1, 2).buffer]);
    model.push("status", status("done", id));
  };
  const rested = () => vi.advanceTimersByTime(REST_MS);
  const asked = () =>
    model.sent.map(({ content }) => content as { kind?: string; request_id: string }).filter((c) => c.kind === "film");
  const answer = (id: string) => {
    model.tell({ kind: "film", request_id: id, film: { ...FILM, frames: FILM.frames.slice(0, 1) } }, [
      new ArrayBuffer(0),
      Float32Array.of(0, 3).buffer,
    ]);
    return Promise.resolve();
  };

  beforeEach(() => {
    vi.useFakeTimers();
    lifetime = new AbortController();
    model = createFakeModel(traits);
    store = createStore(model as unknown as AnyModel<Traits>, lifetime.signal);
  });
  afterEach(() => {
    lifetime.abort();
    vi.useRealTimers();
  });

  it("is asked for once, when somebody looks and the map itself is there", async () => {
    const film = createFilm(store);
    session();
    const stop = film.want();
    rested();
    expect(asked()).toHaveLength(0);
    done(1, 0);
    rested();
    expect(asked()).toHaveLength(1);
    await answer(asked()[0].request_id);
    expect(film.current.value?.frames.map(({ layer }) => layer)).toEqual(["a"]);
    model.push("layer", "b");
    model.push("status", status("running", 2));
    done(2, 0);
    rested();
    expect(asked()).toHaveLength(1);
    expect(film.current.value).not.toBeNull();
    stop();
  });

  it("is not asked for while somebody steps from class to class", () => {
    createFilm(store).want();
    session();
    for (const [id, target] of [0, 1, 0, 1].entries()) {
      store.change({ target });
      done(id + 1, target);
      vi.advanceTimersByTime(REST_MS - 1);
      expect(asked()).toHaveLength(0);
    }
    vi.advanceTimersByTime(1);
    expect(asked()).toHaveLength(1);
  });

  it("waits, where nobody looks", () => {
    const film = createFilm(store);
    session();
    done(1, 0);
    rested();
    expect(asked()).toHaveLength(0);
    film.want();
    rested();
    expect(asked()).toHaveLength(1);
  });

  it("is another one for another class, and is not asked for before the kernel knows of it", async () => {
    const film = createFilm(store);
    session();
    film.want();
    done(1, 0);
    rested();
    await answer(asked()[0].request_id);
    store.change({ target: 1 });
    expect(film.current.value).toBeNull();
    rested();
    expect(asked()).toHaveLength(1);
    model.push("status", status("running", 2));
    done(2, 1);
    rested();
    expect(asked()).toHaveLength(2);
  });

  it("is asked for anew when the model has answered anew", async () => {
    const film = createFilm(store);
    session();
    film.want();
    done(1, 0);
    rested();
    await answer(asked()[0].request_id);
    session();
    expect(film.current.value).toBeNull();
    done(2, 0);
    rested();
    expect(asked()).toHaveLength(2);
  });

  it("can be asked for again when it was cancelled, and says why it cannot be had", async () => {
    const film = createFilm(store);
    session();
    film.want();
    done(1, 0);
    rested();
    model.tell({ kind: "cancelled", request_id: asked()[0].request_id });
    await Promise.resolve();
    expect(film.stopped.value).toBe(true);
    film.again();
    expect(film.stopped.value).toBe(false);
    rested();
    const error = { title: "No room.", hint: "", traceback: "" };
    model.tell({ kind: "error", request_id: asked()[1].request_id, error });
    await Promise.resolve();
    await Promise.resolve();
    expect(film.refusal.value).toBe("No room.");
  });
});

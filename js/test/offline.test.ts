import { beforeEach, describe, expect, it } from "vitest";
import { createHost, type Host } from "../src/offline/host";
import { closestMap, findMap, holdings, inWords, type Question, questionOf, type Speech } from "../src/offline/lookup";
import { type Packed, type PagePayload, readPage, type Saved, unpack, widened, wordsFor } from "../src/offline/saved";
import {
  type ClientKind,
  DEFAULT_VIEW,
  type FilmPayload,
  type KernelMessage,
  type MethodPayload,
  type ParamPayload,
  type RegionsPayload,
  type ResultPayload,
} from "../src/protocol";
import { createStore, type Refusal, type Store } from "../src/state";
import { strings } from "../src/strings";
import { CATALOGUES } from "../src/strings/all";
import { createSay } from "../src/words";
import { RESULT, SESSION } from "./samples";

const TEXT = strings(null);
const ENGLISH: Speech = { text: TEXT, say: (text) => text };

async function packed(
  numbers: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
  dtype: Packed["dtype"],
  exponent = 0,
): Promise<Packed> {
  const stream = new Blob([numbers]).stream().pipeThrough(new CompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return { dtype, exponent, data: btoa(String.fromCharCode(...bytes)) };
}

const PARAM = { help: "", min: 1, max: 64, step: 1, choices: null } as const;
const WINDOW: ParamPayload = { ...PARAM, name: "window", label: "Window", kind: "int", default: null, auto: 32 };
const RELU: ParamPayload = { ...PARAM, name: "relu", label: "ReLU", kind: "bool", default: true, auto: null };
const METHOD = {
  class_specific: true,
  signed: false,
  unit: "",
  randomisation: "passes" as const,
  film: false,
  summary: "",
  when: "",
  described: {},
  formula: "",
  cites: "",
  refusal: null,
  auto: true,
} as const;
const NO_COST = { forwards: 0, backwards: 0, seconds: null };
const GRAD_CAM: MethodPayload = {
  ...METHOD,
  id: "grad_cam",
  label: "Grad-CAM",
  access: "white_box",
  params: [RELU],
  uses_layer: true,
  layer_refusals: [null, null],
  default_layer: "layer4",
  cost: NO_COST,
};
const OCCLUSION: MethodPayload = {
  ...METHOD,
  id: "occlusion",
  label: "Occlusion",
  access: "black_box",
  params: [WINDOW],
  uses_layer: false,
  layer_refusals: [null, null],
  default_layer: null,
  cost: NO_COST,
};
const PICTURES = {
  ...SESSION,
  names: ["one.png", "two.png"],
  methods: [GRAD_CAM, OCCLUSION],
  layers: [
    { name: "layer3", type: "Block", shape: [1, 1, 1], calls: 1 },
    { name: "layer4", type: "Block", shape: [1, 1, 1], calls: 1 },
  ],
};
const CAM = {
  ...RESULT,
  method: "grad_cam",
  method_label: "Grad-CAM",
  params: { relu: true },
  layer: "layer4",
  target: 0,
};
const COVERED = { ...RESULT, target: 0, params: { window: null } };
const MAPS: ResultPayload[] = [
  CAM,
  { ...CAM, target: 1, target_label: "dog" },
  { ...CAM, target: 1, target_label: "dog", layer: "layer3" },
  { ...COVERED, params: { window: 16 } },
  { ...CAM, target: { target: 0, foil: 1 }, target_label: "cat rather than dog", params: { relu: false } },
];
const ASKED: Question = { active: 0, method: "grad_cam", params: {}, target: null, layer: null };
const PAGE: PagePayload = {
  settings: {
    ...ASKED,
    view: DEFAULT_VIEW,
    controls: null,
    locale: null,
    auto_runs: {},
    expert: true,
    pins: [],
  },
  sessions: await Promise.all(
    [0, 1].map(async (index) => ({
      content: { ...PICTURES, index },
      predicted: 0,
      buffers: [
        await packed(Uint8Array.of(1, 2, 3, 4, 5, index), "uint8"),
        await packed(Float32Array.of(0.75, 0.25), "float32"),
      ],
    })),
  ),
  maps: await Promise.all(
    MAPS.map(async (content, place) => ({ content, buffers: [await packed(Float32Array.of(place, 1), "float32")] })),
  ),
  shown: null,
  news: [],
};

let saved: Saved;

beforeEach(async () => {
  saved = await readPage(PAGE);
});

describe("saved numbers", () => {
  it("are inflated to the bytes a kernel would have sent", async () => {
    const view = await unpack(await packed(Float32Array.of(0.1, -2.5e-20), "float32"));
    expect([...new Float32Array(view.buffer)]).toEqual([Math.fround(0.1), Math.fround(-2.5e-20)]);
  });

  it("of 16 bits have the value that IEEE 754 gives them", () => {
    const halves = Uint16Array.of(0x0000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00);
    const expected = [0, 1, -2, 0.333251953125, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14];
    expect([...new Float32Array(widened(halves, 0))]).toEqual([
      ...expected,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect(new Float32Array(widened(Uint16Array.of(0x7e00), 0))[0]).toBeNaN();
  });

  it("of 16 bits are scaled by a power of two", async () => {
    const view = await unpack(await packed(Uint16Array.of(0x3c00, 0xbc00), "float16", -20));
    expect([...new Float32Array(view.buffer)]).toEqual([2 ** -20, -(2 ** -20)]);
  });
});

describe("the map of a question", () => {
  it.each<[string, Partial<Question>, number | null]>([
    ["with the defaults", {}, 0],
    ["for the predicted class by its name", { target: 0 }, 0],
    ["for another class", { target: 1 }, 1],
    ["at the default layer by its name", { target: 1, layer: "layer4" }, 1],
    ["at another layer", { target: 1, layer: ["layer3"] }, 2],
    ["with a default set explicitly", { params: { relu: true } }, 0],
    ["with other parameters", { params: { relu: false } }, null],
    ["with a contrast", { target: { target: 0, foil: 1 }, params: { relu: false } }, 4],
    ["with the contrast the other way round", { target: { target: 1, foil: 0 }, params: { relu: false } }, null],
    ["with code", { target: { callable: "margin" } }, null],
    ["of a method that reads no layer", { method: "occlusion", params: { window: 16 }, layer: "layer3" }, 3],
    ["of a method with its own parameters", { method: "occlusion" }, null],
    ["about another picture", { active: 1 }, null],
  ])("%s", (_, change, place) => {
    expect(findMap(saved, { ...ASKED, ...change })).toBe(place);
  });

  it("is the same for auto and for what auto comes to", async () => {
    const auto = await readPage({ ...PAGE, maps: [{ content: COVERED, buffers: [] }] });
    expect(findMap(auto, { ...ASKED, method: "occlusion", params: { window: 32 } })).toBe(0);
  });

  it("is the newest of several", async () => {
    const twice = await readPage({ ...PAGE, maps: [...PAGE.maps, PAGE.maps[0]] });
    expect(findMap(twice, ASKED)).toBe(5);
  });

  it("may have other parameters or another layer where only the method was chosen", () => {
    expect(closestMap(saved, { ...ASKED, method: "occlusion" })).toBe(3);
    expect(closestMap(saved, { ...ASKED, target: 1, layer: "layer2" })).toBe(2);
    expect(closestMap(saved, { ...ASKED, target: 1, params: { relu: false } })).toBe(1);
    expect(closestMap(saved, { ...ASKED, method: "occlusion", target: 1 })).toBeNull();
  });

  it("is found again by the settings that ask for it", () => {
    for (const [place, map] of MAPS.entries()) {
      expect(findMap(saved, questionOf(saved, map))).toBe(place);
    }
    expect(questionOf(saved, MAPS[0])).toEqual({ ...ASKED, target: 0 });
    expect(questionOf(saved, MAPS[3])).toEqual({ ...ASKED, method: "occlusion", target: 0, params: { window: 16 } });
    expect(questionOf(saved, MAPS[2]).layer).toBe("layer3");
  });
});

describe("words", () => {
  it("name picture, method, class, layer and what was changed", () => {
    expect(inWords(saved, ASKED, ENGLISH)).toBe("one.png · Grad-CAM · cat · layer4");
    const question = questionOf(saved, MAPS[4]);
    expect(inWords(saved, question, ENGLISH)).toBe("one.png · Grad-CAM · cat rather than dog · layer4 · ReLU: off");
    const fused = { ...ASKED, layer: ["layer3", "layer4"], target: { callable: "margin" } };
    expect(inWords(saved, fused, ENGLISH)).toBe("one.png · Grad-CAM · custom target margin · layer3 + layer4");
  });

  it("are those of the page's language, as far as the page carries the kernel's", () => {
    const words = {
      kind: "words",
      request_id: null,
      locale: "ko",
      words: { Window: "창 크기", blur: "흐림" },
      catalogue: null,
    } as const;
    const carried = wordsFor({ news: [{ content: words, buffers: [] }] }, "ko");
    expect(carried).toEqual(words.words);
    expect(wordsFor({ news: [{ content: words, buffers: [] }] }, "en")).toEqual({});
    const korean: Speech = { text: strings("ko", CATALOGUES), say: createSay(carried) };
    const question = { ...ASKED, method: "occlusion", params: { window: 16 } };
    expect(inWords(saved, question, korean)).toBe("one.png · Occlusion · cat · 창 크기: 16");
    expect(inWords(saved, { ...question, params: { window: "blur" } }, korean)).toContain("창 크기: 흐림");
    expect(holdings(saved, 0, korean)[2]).toBe("cat에 대한 Occlusion · 창 크기: 16");
  });

  it("list what there is, once a way", () => {
    expect(holdings(saved, 0, ENGLISH)).toEqual([
      "Grad-CAM · layer4 for cat, dog",
      "Grad-CAM · layer3 for dog",
      "Occlusion · Window: 16 for cat",
      "Grad-CAM · layer4 · ReLU: off for cat rather than dog",
    ]);
    expect(holdings(saved, 1, ENGLISH)).toEqual([]);
  });
});

describe("the host", () => {
  let lifetime: AbortController;
  let host: Host;
  let store: Store;
  const answered = () => new Promise<void>((done) => queueMicrotask(done));
  const firstValue = () => store.known.value.answer?.result.values[0];

  async function open(page: PagePayload) {
    lifetime = new AbortController();
    host = createHost(await readPage(page), ENGLISH);
    store = createStore(host.model, lifetime.signal);
    store.greet(true);
    await answered();
  }

  beforeEach(() => open(PAGE));

  it("shows picture and map of the settings at once, with nothing left to run", () => {
    expect([...(store.known.value.session?.pixels ?? [])]).toEqual([1, 2, 3, 4, 5, 0]);
    expect(firstValue()).toBe(0);
    expect(store.settings.status.value).toMatchObject({ state: "done", fraction: 1 });
    expect(store.settings.auto_run.value).toBe(true);
    expect(host.shown.value).toBe(0);
  });

  it("shows the map it was told to, whatever else answers the settings", async () => {
    await open({ ...PAGE, shown: 2 });
    expect(firstValue()).toBe(2);
  });

  it("shows the newest map where the settings have none, and sets the controls to it", async () => {
    await open({ ...PAGE, settings: { ...PAGE.settings, method: "occlusion", target: 1 } });
    expect(firstValue()).toBe(4);
    expect(store.settings.method.value).toBe("grad_cam");
    expect(store.settings.target.value).toEqual({ target: 0, foil: 1 });
  });

  it("answers a computed question with its map", async () => {
    const before = store.settings.status.value.request_id;
    store.change({ target: 1 });
    await answered();
    expect(firstValue()).toBe(1);
    expect(store.settings.status.value.request_id).not.toBe(before);
    expect(store.known.value.answer?.requestId).toBe(store.settings.status.value.request_id);
  });

  it("refuses any other with a notice, and answers the next one", async () => {
    store.change({ layer: "layer3" });
    await answered();
    expect(store.known.value.failure?.error.title).toBe(
      "one.png · Grad-CAM · cat · layer3: this map was not computed before the page was saved.",
    );
    expect(store.known.value.failure?.error.hint).toContain(
      "Grad-CAM · layer3 for dog; Occlusion · Window: 16 for cat",
    );
    expect(store.settings.status.value).toMatchObject({ state: "error", message: "Not computed" });
    expect(host.shown.value).toBeNull();
    store.change({ target: 1 });
    await answered();
    expect(store.known.value.failure).toBeNull();
    expect(firstValue()).toBe(2);
  });

  it("takes the parameters of the map that is there when a method is chosen", async () => {
    store.change({ method: "occlusion", params: {} });
    await answered();
    expect(firstValue()).toBe(3);
    expect(store.settings.params.value).toEqual({ window: 16 });
  });

  it("holds people to the parameters that they set themselves", async () => {
    store.change({ params: { relu: false } });
    await answered();
    expect(store.known.value.failure?.error.title).toContain("ReLU: off");
  });

  it("turns to another picture, and says where there is no map of it", async () => {
    store.change({ active: 1 });
    await answered();
    expect([...(store.known.value.session?.pixels ?? [])]).toEqual([1, 2, 3, 4, 5, 1]);
    expect(store.known.value.answer).toBeNull();
    expect(store.known.value.failure?.error.hint).toContain("no map of this picture");
  });

  it("shows any map by its place, with its picture and its question", async () => {
    store.change({ active: 1 });
    await answered();
    host.show(4);
    expect(store.known.value.session?.index).toBe(0);
    expect(firstValue()).toBe(4);
    expect(store.settings.params.value).toEqual({ relu: false });
    expect(store.known.value.failure).toBeNull();
  });

  it("asks nothing anew for display settings", async () => {
    const before = store.settings.status.value;
    store.keep({ opacity: 1 });
    await answered();
    expect(store.settings.status.value).toBe(before);
    expect(store.view.value.opacity).toBe(1);
  });

  it("answers every message, so that nothing seems silent", async () => {
    const heard: unknown[] = [];
    host.model.on("msg:custom", (message: { kind: string; of: string }) => {
      heard.push(message.kind === "ack" ? `ack ${message.of}` : message.kind);
    });
    store.send("run");
    store.send("cancel");
    await answered();
    expect(heard).toEqual(["result", "ack run", "ack cancel"]);
  });
});

describe("what a kernel would tell beside the maps", () => {
  const REGIONS: RegionsPayload = {
    session: 0,
    of: 1,
    shape: [1, 2],
    quantity: "probability",
    fill: "blur",
    regions: [{ box: [0, 0, 1, 1], area: 0.5, before: 0.75, after: 0.5 }],
  };
  const FRAMES = [{ layer: "layer4", signed: false, shape: [1, 1] as [number, number], buffer: 0 }];
  const FILM: FilmPayload = {
    session: 0,
    method: "grad_cam",
    params: { relu: true },
    target: 1,
    frames: FRAMES,
    left_out: 0,
  };
  let store: Store;
  let host: Host;
  let heard: KernelMessage[];
  let buffers: DataView[];

  async function open(change: Partial<PagePayload> = {}) {
    const labels = await packed(Uint8Array.of(1, 0), "uint8");
    const frame = await packed(Float32Array.of(0.5), "float32");
    const news: PagePayload["news"] = [
      { content: { kind: "gallery", request_id: null, items: [] }, buffers: [] },
      {
        content: {
          kind: "pinned",
          request_id: null,
          pinned: {
            pin: 4,
            result: MAPS[1],
            name: "one.png",
            model: "Net",
            earlier: false,
            picture: null,
            volume: null,
          },
        },
        buffers: [{ within: "maps", at: 1, buffer: 0 }],
      },
      { content: { kind: "regions", request_id: "gone", regions: REGIONS }, buffers: [labels] },
      { content: { kind: "film", request_id: "gone", film: FILM }, buffers: [frame] },
    ];
    host = createHost(await readPage({ ...PAGE, settings: { ...PAGE.settings, pins: [4] }, news, ...change }), ENGLISH);
    store = createStore(host.model, new AbortController().signal, false);
    heard = [];
    buffers = [];
    for (const kind of ["gallery", "pinned", "regions", "film"] as const) {
      store.listen(kind, (message, attached) => {
        heard.push(message);
        buffers.push(...attached);
      });
    }
    store.greet(true);
    await answered();
  }

  const answered = () => new Promise<void>((done) => queueMicrotask(done));
  const refusal = (kind: ClientKind) =>
    store.ask(kind, {} as never).then(
      () => "answered",
      (cause: Refusal) => cause.error.title,
    );

  beforeEach(() => open());

  it("is told when a view says hello, with buffers that are kept once", () => {
    expect(heard.map(({ kind }) => kind)).toEqual(["gallery", "pinned"]);
    expect(heard[1]).toMatchObject({ pinned: { pin: 4, result: MAPS[1] } });
    expect([...new Float32Array(buffers[0].buffer)]).toEqual([1, 1]);
  });

  it("answers for the regions of the map on show, under the names of this page", async () => {
    expect(await refusal("regions")).toBe(TEXT.regionsNotSaved);
    host.show(1);
    const { message, buffers: attached } = await store.ask("regions", {});
    const of = store.settings.status.value.request_id;
    expect(message).toMatchObject({ kind: "regions", regions: { ...REGIONS, of } });
    expect([...new Uint8Array(attached[0].buffer)]).toEqual([1, 0]);
  });

  it("answers for the film of the question, whatever its layer", async () => {
    expect(await refusal("film")).toBe(TEXT.filmNotSaved);
    store.change({ target: 1, layer: "layer3" });
    await answered();
    expect((await store.ask("film", {})).message).toMatchObject({ kind: "film", film: FILM });
    store.change({ params: { relu: false } });
    await answered();
    expect(await refusal("film")).toBe(TEXT.filmNotSaved);
  });

  it("pins the map on show once, and lets go of it", async () => {
    await store.ask("pin", {});
    expect(store.settings.pins.value).toEqual([4, 5]);
    expect(heard[2]).toMatchObject({ kind: "pinned", pinned: { pin: 5, result: MAPS[0], name: "one.png" } });
    await store.ask("pin", {});
    host.show(1);
    await store.ask("pin", {});
    expect(store.settings.pins.value).toEqual([4, 5]);
    await store.ask("unpin", { pin: 4 });
    expect(store.settings.pins.value).toEqual([5]);
    await store.ask("unpin", { pin: null });
    expect(store.settings.pins.value).toEqual([]);
    expect(heard).toHaveLength(3);
  });

  it("cannot pin what is not there", async () => {
    store.change({ layer: "layer3" });
    await answered();
    expect(await refusal("pin")).toBe(TEXT.nothingYet);
  });

  it.each(["probe", "compare", "photo", "save", "freeze"] as const)("refuses %s in words", async (kind) => {
    expect(await refusal(kind)).toBe("This page has no kernel, so that nothing new can be computed here.");
  });
});

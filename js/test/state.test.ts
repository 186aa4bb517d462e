import type { AnyModel } from "@anywidget/types";
import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeModel, type FakeModel } from "../dev/fake-model";
import { PATIENCE_MS } from "../src/patience";
import { DEFAULT_VIEW, type Traits } from "../src/protocol";
import { createStore, type Store } from "../src/state";
import { strings } from "../src/strings";
import { RESULT, SESSION, status, TRAITS } from "./samples";

let lifetime: AbortController;
let model: FakeModel;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
  lifetime = new AbortController();
  model = createFakeModel(TRAITS);
  store = createStore(model as unknown as AnyModel<Traits>, lifetime.signal);
});

afterEach(() => {
  lifetime.abort();
  vi.useRealTimers();
});

describe("display settings", () => {
  it("are tried without a message and kept with one", () => {
    for (const opacity of [0.6, 0.7, 0.8]) {
      store.preview({ opacity });
    }
    expect(store.view.value.opacity).toBe(0.8);
    expect(model.sent).toEqual([]);
    store.keep({ opacity: 0.8 });
    expect(model.sent).toEqual([{ kind: "traits", content: { view: { ...DEFAULT_VIEW, opacity: 0.8 } } }]);
    expect(store.view.value.opacity).toBe(0.8);
  });

  it("send nothing when let go where they were", () => {
    store.preview({ gamma: 2 });
    store.keep({ gamma: 1 });
    expect(model.sent).toEqual([]);
    expect(store.view.value.gamma).toBe(1);
    store.keep({ crosshair: [1, 2, 3] });
    store.preview({ crosshair: [1, 2, 4] });
    store.keep({ crosshair: [1, 2, 3] });
    expect(model.sent.length).toBe(1);
  });

  it("follow the kernel, and complete what it leaves out", () => {
    model.push("view", { cells: true });
    expect(store.view.value).toEqual({ ...DEFAULT_VIEW, cells: true });
  });
});

describe("settings", () => {
  it("that belong together travel in one update", () => {
    store.change({ method: "rise", params: {} });
    expect(model.sent).toEqual([{ kind: "traits", content: { method: "rise", params: {} } }]);
    expect(store.settings.method.value).toBe("rise");
  });

  it("follow the kernel", () => {
    model.push("target", 3);
    expect(store.settings.target.value).toBe(3);
  });
});

describe("messages", () => {
  it("carry a name of their own", () => {
    store.greet(true);
    store.send("run");
    const contents = model.sent.map(({ content }) => content as { kind: string; request_id: string });
    expect(contents.map(({ kind }) => kind)).toEqual(["hello", "run"]);
    expect(new Set(contents.map(({ request_id }) => request_id)).size).toBe(2);
  });

  it("tell of a page and of its views, under one name", () => {
    store.greet(false);
    store.greet(true);
    const [page, view] = model.sent.map(({ content }) => content as { page: string; view: boolean });
    expect([page.view, view.view]).toEqual([false, true]);
    expect(page.page).toMatch(/^\w+$/);
    expect(view.page).toBe(page.page);
  });

  it("bring picture and map, in buffers of any offset", () => {
    const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6).buffer;
    model.tell({ kind: "session", request_id: null, session: SESSION }, [pixels, Float32Array.of(0.75, 0.25).buffer]);
    model.tell({ kind: "result", request_id: 1, result: RESULT }, [Float32Array.of(0.5, 2).buffer]);
    expect([...(store.known.value.session?.pixels ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(store.known.value.answer?.result.values ?? [])]).toEqual([0.5, 2]);
  });

  it("that follow another language are shown when it can be spoken, in their order", async () => {
    vi.useRealTimers();
    const whole = { ...strings(null), run: "실행" };
    const texts = Object.fromEntries(Object.entries(whole).map(([name, text]) => [name, String(text)]));
    const catalogue = `export const any = ${JSON.stringify(texts)};`;
    vi.spyOn(URL, "createObjectURL").mockReturnValue(`data:text/javascript,${encodeURIComponent(catalogue)}`);
    vi.spyOn(URL, "revokeObjectURL").mockReturnValue();
    model.push("locale", "ko");
    store.greet(true);
    expect(model.sent[0].content).toMatchObject({ kind: "hello", language: "ko" });
    const seen: string[] = [];
    effect(() => void seen.push(`${store.text.value.run} ${store.known.value.session?.labels[0] ?? "nothing"}`));
    model.tell({ kind: "words", request_id: null, locale: "ko", words: {}, catalogue });
    const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6).buffer;
    for (const labels of [
      ["cat", "dog"],
      ["fox", "owl"],
    ]) {
      const session = { ...SESSION, labels };
      model.tell({ kind: "session", request_id: null, session }, [pixels, Float32Array.of(0.75, 0.25).buffer]);
    }
    await vi.waitFor(() => expect(seen.at(-1)).toBe("실행 fox"));
    expect(seen).toEqual(["Run nothing", "실행 nothing", "실행 cat", "실행 fox"]);
    vi.restoreAllMocks();
  });

  it("that cannot be read become an error that is shown", () => {
    model.tell({ kind: "result", request_id: 1, result: RESULT }, []);
    expect(store.known.value.failure?.error.traceback).toContain("no buffer 0");
  });
});

describe("a silent kernel", () => {
  it("is noticed after a while, until something is heard", () => {
    store.send("run");
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    expect(store.silent.value).toBe(false);
    vi.advanceTimersByTime(1);
    expect(store.silent.value).toBe(true);
    model.push("status", status("queued", 1));
    expect(store.silent.value).toBe(false);
  });

  it("is not suspected when it answers", () => {
    store.send("run");
    model.tell({ kind: "ack", request_id: "x", of: "run", message: "" });
    vi.advanceTimersByTime(10 * PATIENCE_MS);
    expect(store.silent.value).toBe(false);
  });

  it("is suspected for settings only where they start a run", () => {
    store.change({ controls: null });
    vi.advanceTimersByTime(2 * PATIENCE_MS);
    expect(store.silent.value).toBe(false);
    store.change({ target: 1 });
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(store.silent.value).toBe(true);
  });
});

it("nothing is heard after the end", () => {
  lifetime.abort();
  model.push("method", "rise");
  model.tell({ kind: "error", request_id: null, error: { title: "t", hint: "", traceback: "" } });
  expect(store.settings.method.value).toBe("occlusion");
  expect(store.known.value.failure).toBeNull();
});

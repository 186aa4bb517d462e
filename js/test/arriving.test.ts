import { computed, signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { createLanguages } from "../src/languages";
import { ENGLISH } from "../src/strings";
import { CATALOGUES } from "../src/strings/all";

/** What the build makes of a language, with two words of it. */
const module = (catalogue: object) => `export const found = ${JSON.stringify(catalogue)};`;
const WHOLE = { ...Object.fromEntries(Object.keys(CATALOGUES.en).map((name) => [name, name])), run: "실행" };

function message(catalogue: string | null, locale = "ko") {
  return { kind: "words", request_id: null, locale, words: { Window: "창" }, catalogue } as const;
}

let made: Blob[];
let warned: MockInstance;
let revoked: MockInstance;
/** What stands in the blob that is made next: Node imports text from an address that holds it, but no blobs. */
let next: string;

beforeEach(() => {
  made = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    made.push(blob as Blob);
    return `data:text/javascript,${encodeURIComponent(next)}`;
  });
  revoked = vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => undefined);
  warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
});

afterEach(() => vi.restoreAllMocks());

function page(locale: string | null, inside = ENGLISH) {
  const setting = signal(locale);
  const languages = createLanguages(setting, inside);
  const tell = (given = module(WHOLE)) => {
    next = given;
    return languages.learn(message(given));
  };
  // What somebody reads: everything at once, at every moment.
  const read = computed(() => [languages.language.value, languages.text.value.run, languages.say("Window")].join(" "));
  const seen: string[] = [];
  read.subscribe((text) => seen.push(text));
  return { ...languages, setting, tell, seen };
}

describe("a language that the kernel sends", () => {
  it("is spoken as soon as it is there, the page's words and the kernel's at once", async () => {
    const { tell, seen, wanted } = page("ko-KR");
    expect(wanted.value).toBe("ko");
    await tell();
    expect(seen).toEqual(["en Run Window", "ko 실행 창"]);
    expect(warned).not.toHaveBeenCalled();
  });

  it("is read from a blob that is let go afterwards", async () => {
    const { tell } = page("ko");
    await tell();
    expect(await Promise.all(made.map((blob) => blob.text()))).toEqual([module(WHOLE)]);
    expect(made[0].type).toBe("text/javascript");
    expect(revoked).toHaveBeenCalledOnce();
  });

  it("follows the setting, and is kept", async () => {
    const { tell, seen, setting } = page("en");
    setting.value = "ko";
    await tell();
    setting.value = "en";
    setting.value = "ko";
    setting.value = "tlh";
    expect(seen).toEqual(["en Run Window", "ko 실행 창", "en Run Window", "ko 실행 창", "en Run Window"]);
  });

  it("is read once, however many views have asked for it", async () => {
    const { tell, seen } = page("ko");
    await Promise.all([tell(), tell()]);
    await tell();
    expect(made).toHaveLength(1);
    expect(seen).toHaveLength(2);
  });

  it("is not shown to somebody who has changed their mind meanwhile", async () => {
    const { tell, seen, setting } = page("ko");
    const told = tell();
    setting.value = "en";
    await told;
    expect(seen).toEqual(["en Run Window"]);
  });

  it("that this page has never heard of is left alone", async () => {
    const { learn, seen } = page("tlh");
    await learn(message(module(WHOLE), "tlh"));
    expect([seen, made]).toEqual([["en Run Window"], []]);
  });
});

describe("a language that cannot be read", () => {
  it.each([
    ["is no module", "export const found = {"],
    ["lacks an entry", module({ ...WHOLE, run: undefined })],
    ["is empty", ""],
  ])("because it %s leaves English, in all its parts, with a warning", async (_, text) => {
    const { tell, seen } = page("ko");
    await tell(text);
    expect(seen).toEqual(["en Run Window"]);
    expect(warned).toHaveBeenCalledOnce();
    expect(warned.mock.calls[0][0]).toContain("“ko”");
    expect(revoked).toHaveBeenCalledOnce();
  });

  it("is tried again when it is sent again", async () => {
    const { tell, seen } = page("ko");
    await tell("nonsense(");
    await tell();
    expect(seen).toEqual(["en Run Window", "ko 실행 창"]);
  });

  it("where the host lets no blob in is English too", async () => {
    vi.spyOn(URL, "createObjectURL").mockImplementation(() => {
      throw new TypeError("not here");
    });
    const { tell, seen } = page("ko");
    await tell();
    expect(seen).toEqual(["en Run Window"]);
    expect(warned).toHaveBeenCalledOnce();
  });
});

describe("a page that has all languages within", () => {
  it("speaks at once, and imports nothing", () => {
    const { learn, seen } = page("ko", CATALOGUES);
    expect(learn(message(null))).toBeNull();
    expect(seen).toEqual(["ko 실행 Window", "ko 실행 창"]);
    expect(made).toEqual([]);
  });
});

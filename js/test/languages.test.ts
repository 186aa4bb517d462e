import { afterEach, describe, expect, it, vi } from "vitest";
import { ENGLISH, LANGUAGES, languageOf, strings } from "../src/strings";
import { CATALOGUES } from "../src/strings/all";
import { asking } from "../src/strings/en/asking";
import { comparing } from "../src/strings/en/comparing";
import { doing } from "../src/strings/en/doing";
import { general } from "../src/strings/en/general";
import { offline } from "../src/strings/en/offline";
import { stage } from "../src/strings/en/stage";
import { taking } from "../src/strings/en/taking";
import { volume } from "../src/strings/en/volume";

/** What the sentences are tried with, where a number for every argument will not do. */
const SAMPLES = new Map<string, readonly unknown[]>([
  ["cost", [{ forwards: 7, backwards: 2, seconds: 3 }]],
  ["effects", [[{ place: 1, change: "lowers", amount: "7" }]]],
  ["fusedLayers", [["stem", "head"]]],
  ["held", [["Grad-CAM (cat)", "LIME (dog)"]]],
  ["heldFor", ["LIME", ["cat", "dog"]]],
  ["strongestAt", [{ vertical: 0, horizontal: 1 }, "negative"]],
]);

/** Entries that are the same in every language: signs, and names put beside each other. */
const ALIKE = new Set([
  "changed",
  "classShare",
  "codeGiven",
  "costUnknown",
  "difference",
  "galleryItem",
  "modelChance",
  "percent",
  "pinName",
  "pixel",
  "python",
  "score",
  "shareChange",
  "standardError",
  "versus",
]);

/** Entries that some languages write in signs, such as %p for points of a percentage. */
const SIGNS = new Set(["points", "fewPoints"]);

const OTHERS = LANGUAGES.filter((language) => language !== "en");

/** The script that a language is written in: what is left in English by mistake does not have it. */
const SCRIPTS: Partial<Record<string, RegExp>> = { ko: /[가-힣]/ };

/** Every entry by its path, such as "states.idle". */
function entries(catalogue: object, path = ""): [string, unknown][] {
  return Object.entries(catalogue).flatMap(([key, value]) =>
    value !== null && typeof value === "object" ? entries(value, `${path}${key}.`) : [[`${path}${key}`, value]],
  );
}

function kind(value: unknown): string {
  return typeof value === "function" ? `function of ${value.length}` : typeof value;
}

/** What an entry says; functions say it of a sample. */
function said(path: string, value: unknown): string {
  if (typeof value !== "function") {
    return String(value);
  }
  const given = SAMPLES.get(path) ?? Array(value.length).fill(7);
  try {
    return value(...given);
  } catch (cause) {
    throw new Error(`“${path}” needs something else than numbers: add what it takes to SAMPLES.`, { cause });
  }
}

it("no part of the catalogue hides an entry of another", () => {
  const parts = [asking, comparing, doing, general, offline, stage, taking, volume];
  const names = parts.flatMap((part) => Object.keys(part));
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

describe.each(OTHERS)("the catalogue %s", (language) => {
  const english = new Map(entries(CATALOGUES.en));
  const translated = new Map(entries(CATALOGUES[language]));

  it("has every entry of the English one, and no other", () => {
    expect([...translated.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it("has values where English has values, and functions of as many arguments", () => {
    const kinds = (catalogue: Map<string, unknown>) =>
      [...catalogue].map(([path, value]) => [path, kind(value)]).sort();
    expect(kinds(translated)).toEqual(kinds(english));
  });

  it("leaves nothing in English", () => {
    const same = [...translated].filter(([path, value]) => said(path, value) === said(path, english.get(path)));
    expect(same.map(([path]) => path).filter((path) => !ALIKE.has(path))).toEqual([]);
  });

  it("is written in its own script", () => {
    const script = SCRIPTS[language] ?? /./;
    const foreign = [...translated].filter(
      ([path, value]) => !ALIKE.has(path) && !SIGNS.has(path) && !script.test(said(path, value)),
    );
    expect(foreign.map(([path]) => path)).toEqual([]);
  });
});

it.each(LANGUAGES)("the sentences of %s are whole, and say what they are given", (language) => {
  for (const [path, value] of entries(CATALOGUES[language])) {
    const sentence = said(path, value);
    expect(sentence, path).not.toMatch(/undefined|\[object|NaN|\$\{/);
    expect(sentence.trim(), path).toBe(sentence);
    expect(sentence, path).not.toBe("");
  }
});

describe("the language", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    ["ko", "ko"],
    ["ko-KR", "ko"],
    ["KO_kr", "ko"],
    ["en", "en"],
    ["en-GB", "en"],
    ["tlh", "en"],
    ["", "en"],
    ["constructor", "en"],
  ])("of the locale %j is %s", (locale, language) => {
    expect(languageOf(locale)).toBe(language);
  });

  it("without a locale is the first of the browser's that there is", () => {
    vi.stubGlobal("navigator", { languages: ["fr-FR", "ko-KR", "en"], language: "fr-FR" });
    expect(languageOf(null)).toBe("ko");
    expect(strings(null, CATALOGUES).run).toBe("실행");
    expect(strings(null, ENGLISH).run).toBe("Run");
    expect(languageOf("en")).toBe("en");
    vi.stubGlobal("navigator", { languages: ["en-US", "ko"], language: "en-US" });
    expect(languageOf(null)).toBe("en");
    vi.stubGlobal("navigator", { language: "ko" });
    expect(languageOf(null)).toBe("ko");
    vi.stubGlobal("navigator", undefined);
    expect(languageOf(null)).toBe("en");
  });
});

describe("Korean", () => {
  const text = strings("ko", CATALOGUES);

  it("gives times in its own units", () => {
    expect([0.08, 2.13, 130].map(text.duration)).toEqual(["80ms", "2.1초", "2분"]);
    expect(text.timeLeft(2.13)).toBe("약 2.1초 남음");
  });

  it("says what a run costs", () => {
    expect(text.cost({ forwards: 1960, backwards: 1, seconds: 2 })).toBe(
      "≈ 모델 호출 1\u202f960회, 역전파 1회, 약 2.0초",
    );
    expect(text.cost({ forwards: 1, backwards: 0, seconds: null })).toBe("≈ 모델 호출 1회");
  });

  it("says what hiding places does, in one sentence", () => {
    const effects = [
      { place: 1, change: "lowers", amount: text.fewPoints(34) },
      { place: 2, change: "raises", amount: text.score(0.5) },
      { place: 3, change: "nothing", amount: "" },
    ] as const;
    expect(text.effects(effects)).toBe(
      "1번 영역을 가리면 34 %p 낮아지고, 2번 영역을 가리면 0.5 높아지고, 3번 영역을 가리면 달라지지 않습니다.",
    );
    expect([-12, 0, 3].map(text.points)).toEqual(["−12 %p", "변화 없음", "+3 %p"]);
  });

  it("says where a map is strongest", () => {
    const where = text.strongestAt({ vertical: -1, horizontal: 1 }, "negative");
    expect(text.finding("Grad-CAM", "cat", where)).toBe(
      "cat에 대한 Grad-CAM: 오른쪽 위에서 가장 강합니다. 그곳의 값은 음수입니다.",
    );
  });
});

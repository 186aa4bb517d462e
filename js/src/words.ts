import { signal } from "@preact/signals";
import type { Result, Session } from "./paint/decode";
import type { MethodPayload, WireTarget } from "./protocol";
import type { Answer, Known } from "./reducer";

/**
 * Says a text of the kernel in the page's language; what has no translation stays as it is.
 *
 * With `within`, so does what stands in its holes: for texts that are made of texts, and hold no name of the user's.
 */
export type Say = (text: string, within?: boolean) => string;

export interface Words {
  /** Take a catalogue in. */
  learn(language: string, words: Readonly<Record<string, string>>): void;
  readonly say: Say;
  /** What the kernel has told, its texts translated; the same objects for the same ones. */
  translate(known: Known): Known;
  /** A map that was told beside, its texts translated; the same object for the same one. */
  translateResult(result: Result): Result;
}

/** The kernel's own texts (what methods say of themselves, notes, statuses), by language. */
export function createWords(language: () => string): Words {
  const translators = signal<ReadonlyMap<string, Translator>>(new Map());
  const translator = () => translators.value.get(language());
  return {
    learn(learnt, words) {
      translators.value = new Map(translators.peek()).set(learnt, createTranslator(createSay(words)));
    },
    say: (text, within) => translator()?.say(text, within) ?? text,
    translate: (known) => translator()?.translate(known) ?? known,
    translateResult: (result) => translator()?.translateResult(result) ?? result,
  };
}

/** Texts by their English ones; `{0}`, `{1}` ... stand for what differs from one text to the next. */
export function createSay(words: Readonly<Record<string, string>>): Say {
  // What says more is tried before what would fit too.
  const templates = Object.entries(words)
    .filter(([text]) => HOLE.test(text))
    .sort(([one], [other]) => other.length - one.length)
    .map(([text, translation]) => ({ pattern: patternOf(text), translation }));
  const say: Say = (text, within = false) => {
    if (Object.hasOwn(words, text)) {
      return words[text];
    }
    for (const { pattern, translation } of templates) {
      const found = pattern.exec(text);
      if (found !== null) {
        const filling = (place: string) => found[Number(place) + 1];
        return translation.replace(HOLES, (_, place) => (within ? say(filling(place), true) : filling(place)));
      }
    }
    return text;
  };
  return say;
}

const HOLE = /\{\d\}/;
const HOLES = /\{(\d)\}/g;

function patternOf(text: string): RegExp {
  const parts = text.split(HOLE).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`, "s");
}

interface Translator {
  readonly say: Say;
  translate(known: Known): Known;
  translateResult(result: Result): Result;
}

function createTranslator(say: Say): Translator {
  // Components compare objects to see what is new: what was translated once is not made again.
  const once = <T extends object>(make: (given: T) => T) => {
    const made = new WeakMap<T, T>();
    return (given: T): T => {
      const found = made.get(given) ?? make(given);
      made.set(given, found);
      return found;
    };
  };
  const method = once<MethodPayload>((given) => ({
    ...given,
    unit: say(given.unit, true),
    summary: say(given.summary),
    when: say(given.when),
    refusal: given.refusal && say(given.refusal),
    layer_refusals: given.layer_refusals.map((reason) => reason && say(reason)),
    params: given.params.map((param) => ({ ...param, label: say(param.label), help: say(param.help) })),
  }));
  const session = once<Session>((given) => ({
    ...given,
    notes: given.notes.map((note) => say(note)),
    methods: given.methods.map(method),
  }));
  const translateResult = once<Result>((given) => ({
    ...given,
    // A class has a name of the user's; what is asked beside is told in words.
    target_label: isContrast(given.target) ? say(given.target_label) : given.target_label,
    unit: say(given.unit, true),
    notes: given.notes.map((note) => say(note)),
  }));
  const answer = once<Answer>((given) => ({ ...given, result: translateResult(given.result) }));
  return {
    say,
    translateResult,
    translate: (known) => ({
      ...known,
      session: known.session && session(known.session),
      answer: known.answer && answer(known.answer),
      remark: say(known.remark),
      status: { ...known.status, message: say(known.status.message, true) },
    }),
  };
}

function isContrast(target: WireTarget): boolean {
  return typeof target === "object" && target !== null && "foil" in target;
}

import { signal } from "@preact/signals";
import type { Session } from "./paint/decode";
import type { MethodPayload } from "./protocol";
import type { Answer, Known } from "./reducer";

/** Says a text of the kernel in the page's language; what has no translation stays as it is. */
export type Say = (text: string) => string;

export interface Words {
  /** Take a catalogue in. */
  learn(language: string, words: Readonly<Record<string, string>>): void;
  readonly say: Say;
  /** What the kernel has told, its texts translated; the same objects for the same ones. */
  translate(known: Known): Known;
}

/** The kernel's own texts (what methods say of themselves, notes, statuses), by language. */
export function createWords(language: () => string): Words {
  const translators = signal<ReadonlyMap<string, Translator>>(new Map());
  const translator = () => translators.value.get(language());
  return {
    learn(learnt, words) {
      translators.value = new Map(translators.peek()).set(learnt, createTranslator(createSay(words)));
    },
    say: (text) => translator()?.say(text) ?? text,
    translate: (known) => translator()?.translate(known) ?? known,
  };
}

/** Texts by their English ones; `{0}`, `{1}` ... stand for what differs from one text to the next. */
export function createSay(words: Readonly<Record<string, string>>): Say {
  // What says more is tried before what would fit too.
  const templates = Object.entries(words)
    .filter(([text]) => HOLE.test(text))
    .sort(([one], [other]) => other.length - one.length)
    .map(([text, translation]) => ({ pattern: patternOf(text), translation }));
  return (text) => {
    if (Object.hasOwn(words, text)) {
      return words[text];
    }
    for (const { pattern, translation } of templates) {
      const found = pattern.exec(text);
      if (found !== null) {
        return translation.replace(HOLES, (_, place) => found[Number(place) + 1]);
      }
    }
    return text;
  };
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
    summary: say(given.summary),
    when: say(given.when),
    refusal: given.refusal && say(given.refusal),
    layer_refusals: given.layer_refusals.map((reason) => reason && say(reason)),
    params: given.params.map((param) => ({ ...param, label: say(param.label), help: say(param.help) })),
  }));
  const session = once<Session>((given) => ({
    ...given,
    notes: given.notes.map(say),
    methods: given.methods.map(method),
  }));
  const answer = once<Answer>((given) => ({
    ...given,
    result: { ...given.result, notes: given.result.notes.map(say) },
  }));
  return {
    say,
    translate: (known) => ({
      ...known,
      session: known.session && session(known.session),
      answer: known.answer && answer(known.answer),
      remark: say(known.remark),
      status: { ...known.status, message: say(known.status.message) },
    }),
  };
}

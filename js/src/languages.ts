import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import type { KernelMessage } from "./protocol";
import { type Catalogues, isLanguage, type Language, languageOf, type Strings, strings } from "./strings";
import { readCatalogue } from "./strings/arriving";
import { createWords, type Words } from "./words";

/** What a page says, all of it in one language: that which is wanted as soon as it is there, and English until then. */
export interface Languages extends Omit<Words, "learn"> {
  /** The language to speak, whether its catalogue is there or not. */
  readonly wanted: ReadonlySignal<Language>;
  /** The language that is spoken. */
  readonly language: ReadonlySignal<Language>;
  /** The page's own words. */
  readonly text: ReadonlySignal<Strings>;
  /** Take in what the kernel sends of a language; where that takes time, until it can be spoken or is given up. */
  learn(message: WordsMessage): Promise<void> | null;
}

type WordsMessage = Extract<KernelMessage, { kind: "words" }>;

/** @param inside the catalogues that the page has already */
export function createLanguages(locale: ReadonlySignal<string | null>, inside: Catalogues): Languages {
  const catalogues = signal(inside);
  const begun = new Set<Language>();
  const wanted = computed(() => languageOf(locale.value));
  const language = computed(() => (catalogues.value[wanted.value] ? wanted.value : "en"));
  const words = createWords(() => language.value);
  return {
    ...words,
    wanted,
    language,
    text: computed(() => strings(locale.value, catalogues.value)),
    learn({ locale: learnt, words: kernels, catalogue }) {
      // Every view of a page says hello, and every hello is answered.
      if (!isLanguage(learnt) || begun.has(learnt)) {
        return null;
      }
      begun.add(learnt);
      if (catalogue === null) {
        words.learn(learnt, kernels);
        return null;
      }
      const speak = (own: Strings) =>
        batch(() => {
          catalogues.value = { ...catalogues.peek(), [learnt]: own };
          words.learn(learnt, kernels);
        });
      const giveUp = (cause: unknown) => {
        begun.delete(learnt);
        console.warn(`xai-widget speaks English: its catalogue “${learnt}” could not be read.`, cause);
      };
      return readCatalogue(catalogue).then(speak).catch(giveUp);
    },
  };
}

/** Everything the interface says: one catalogue a language. */

import { english } from "./en";
import { korean } from "./ko";

export type Strings = typeof english;

/** By the language's primary tag. The type of English finds what another language lacks. */
export const CATALOGUES = { en: english, ko: korean } satisfies Record<string, Strings>;

export type Language = keyof typeof CATALOGUES;

/**
 * The language to speak: that of a locale such as "ko-KR", or without one the first of the browser's that there is.
 * English where there is none.
 */
export function languageOf(locale: string | null): Language {
  const wanted = locale === null ? preferred() : [locale];
  return wanted.map(primary).find(isLanguage) ?? "en";
}

/** The catalogue for a locale. */
export function strings(locale: string | null): Strings {
  return CATALOGUES[languageOf(locale)];
}

function preferred(): readonly string[] {
  const { languages, language } = globalThis.navigator ?? {};
  return languages?.length ? languages : [language ?? ""];
}

function primary(locale: string): string {
  return locale.toLowerCase().split(/[-_]/)[0];
}

function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(CATALOGUES, tag);
}

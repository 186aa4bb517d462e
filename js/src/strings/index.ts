/** Everything the interface says: one catalogue a language. A page begins with English; the kernel sends what else it wants. */

import { english } from "./en";

export type Strings = typeof english;

/** Every language that there is, by its primary tag: the folders beside this file. */
export const LANGUAGES = ["en", "ko"] as const;

export type Language = (typeof LANGUAGES)[number];

/** What is there of them so far. */
export type Catalogues = Readonly<Partial<Record<Language, Strings>>>;

export const ENGLISH: Catalogues = { en: english };

/**
 * The language to speak: that of a locale such as "ko-KR", or without one the first of the browser's that there is.
 * English where there is none.
 */
export function languageOf(locale: string | null): Language {
  const wanted = locale === null ? preferred() : [locale];
  return wanted.map(primary).find(isLanguage) ?? "en";
}

/** The catalogue for a locale; the English one where its own is not there. */
export function strings(locale: string | null, catalogues: Catalogues = ENGLISH): Strings {
  return catalogues[languageOf(locale)] ?? english;
}

export function isLanguage(tag: string): tag is Language {
  return (LANGUAGES as readonly string[]).includes(tag);
}

function preferred(): readonly string[] {
  const { languages, language } = globalThis.navigator ?? {};
  return languages?.length ? languages : [language ?? ""];
}

function primary(locale: string): string {
  return locale.toLowerCase().split(/[-_]/)[0];
}

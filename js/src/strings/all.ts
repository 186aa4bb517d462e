import { english } from "./en";
import type { Language, Strings } from "./index";
import { korean } from "./ko";

/** For a page without a kernel, which has nobody to send a language. The type of English finds what another one lacks. */
export const CATALOGUES = { en: english, ko: korean } satisfies Record<Language, Strings>;

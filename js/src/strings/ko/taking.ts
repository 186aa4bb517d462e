import type { taking as English } from "../en/taking";

export const taking: typeof English = {};

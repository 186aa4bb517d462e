import type { comparing as English } from "../en/comparing";

export const comparing: typeof English = {};

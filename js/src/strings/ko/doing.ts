import type { doing as English } from "../en/doing";

export const doing: typeof English = {};

/** Covering places, regions and what hiding them does, predict and reveal. */
export const doing = {};

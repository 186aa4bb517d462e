/** Saving, copying, freezing, and the sentence of the simple view. */
export const taking = {};

/** Pins, correlations, the gallery, own photos. */
export const comparing = {};

/** In milliseconds, without leap seconds. */
export const dayMs = 24 * 60 * 60_000

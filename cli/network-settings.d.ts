/** Options of Node for the process that networks. */
export const networkFlags: readonly string[]
/** Environment variables for it, unless the user has set them. */
export const mallocSettings: Readonly<Record<string, string>>

/** Where the folder lies on each simulated disk. */
export const root = '/home/folder'

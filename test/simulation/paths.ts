/** Where the folder lies on each simulated disk. */
export const root = '/home/folder'
/** A folder of somebody else, into which links lead. */
export const outside = '/outside'

/**
 * On a machine of CI, which sets `CI=true`, `npm test` runs what takes longer than a contributor wants to wait for: see the
 * table of docs/reliability.md.
 */
export const inCi = process.env['CI'] === 'true'

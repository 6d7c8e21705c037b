export type * from '../node/node-api.ts'

import { P2psyncError } from '../model/errors.ts'

/** A request that no client of ours makes. */
export class RequestProblem extends P2psyncError {
  readonly status: number

  constructor(status: number, message: string) {
    super('usage', message)
    this.status = status
  }
}

import fc from 'fast-check'

/**
 * Properties try the same cases in each run, so that what fails failed before. Others are tried by
 * PROPERTY_SEED=<number> npm test.
 */
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 1) })

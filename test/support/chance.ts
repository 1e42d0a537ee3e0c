/**
 * What tests draw at random. On a developer's machine each run draws anew; in CI one seed stands, so that a red main means
 * a change and not chance. SALLYPORT_TEST_SEED repeats a run.
 */
const CI_SEED = 1_195_312_010;

/** The seed of this run; `undefined`: every property draws its own. */
export const fixedSeed: number | undefined =
  process.env['SALLYPORT_TEST_SEED'] === undefined
    ? process.env['CI'] === 'true'
      ? CI_SEED
      : undefined
    : Number(process.env['SALLYPORT_TEST_SEED']);

/** Mocha's spec reporter, which also writes its counts as JSON to SEALGATE_TEST_COUNTS for scripts/verify.mjs. */
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    runner.on('pending', (test) => skipped.push(test.fullTitle()));
    runner.once('end', () => {
      const file = process.env.SEALGATE_TEST_COUNTS;
      const { passes, failures, pending } = runner.stats;
      if (file)
        writeFileSync(
          file,
          JSON.stringify({ passed: passes, failed: failures, skipped: pending, skippedTitles: skipped }),
        );
    });
  }
};

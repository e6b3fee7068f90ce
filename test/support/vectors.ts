/**
 * Where the independent test vectors are: SEALGATE_VECTORS, or `../shared/vectors` beside the project.
 * A test that needs them calls {@link vectorsFolder} first: absent, it is skipped with the reason; in CI it fails.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Context } from 'mocha';

export function vectorsFolder(test: Context): string {
  const folder = vectorsPath();
  if (!existsSync(folder)) skipOrFail(test, `no test vectors at ${folder}; set SEALGATE_VECTORS`);
  return folder;
}

/** The folder, whether it exists or not. */
export function vectorsPath(): string {
  return path.resolve(process.env['SEALGATE_VECTORS'] ?? path.join(process.cwd(), '../shared/vectors'));
}

/** Skips the running test with its reason printed; with CI set it is a failure instead. Never returns. */
export function skipOrFail(test: Context, reason: string): never {
  if (process.env['CI']) throw new Error(`not skipped in CI: ${reason}`);
  console.log(`      skipped: ${reason}`);
  test.skip();
}

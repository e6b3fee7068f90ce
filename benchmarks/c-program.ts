/** Programs in C that stand beside ours, compiled where they are needed. They declare what they use of libcrypto themselves. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** @param source file in benchmarks/ @returns the program; null where there is no compiler or no libcrypto */
export function compiledProgram(source: string, folder: string): string | null {
  const program = path.join(folder, path.basename(source, '.c'));
  const from = path.join(process.cwd(), 'benchmarks', source);
  const { status } = spawnSync('cc', ['-O2', '-o', program, from, '-l:libcrypto.so.3'], { stdio: 'ignore' });
  return status === 0 ? program : null;
}

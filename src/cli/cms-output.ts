/**
 * Where `sealgate cms` writes: standard output, or `--out`. A file appears under its name when it is complete and all was
 * well, and not before: half a message or a void one never looks like a result.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';
import { outputTrouble } from './file-trouble.ts';
import type { Terminal } from './terminal.ts';

export interface CmsOutput {
  write(octets: Buffer): Promise<void>;
  /** All was written and is well. */
  keep(): void;
  /** Removes what was written to a file; harmless after {@link keep}. */
  drop(): void;
}

/**
 * @param file `--out`; undefined: standard output
 * @param mode of a new file: 0o600 for what was encrypted before
 * @throws CmsStop where it cannot be made
 */
export function openOutput(file: string | undefined, mode: number, terminal: Terminal): CmsOutput {
  if (file === undefined) return { write: (octets) => terminal.write(octets), keep() {}, drop() {} };
  try {
    // a device or pipe is written to as it is
    const special = statSync(file, { throwIfNoEntry: false })?.isFile() === false;
    return special ? new FileOutput(openSync(file, 'w'), null) : FileOutput.beside(file, mode);
  } catch (thrown) {
    throw new CmsStop(EXIT.temporary, `${file} cannot be written: ${outputTrouble(thrown)}`);
  }
}

class FileOutput implements CmsOutput {
  private readonly descriptor: number;
  private readonly names: { readonly made: string; readonly wanted: string } | null;
  private open = true;

  constructor(descriptor: number, names: { readonly made: string; readonly wanted: string } | null) {
    this.descriptor = descriptor;
    this.names = names;
  }

  static beside(file: string, mode: number): FileOutput {
    const made = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}`);
    return new FileOutput(openSync(made, 'wx', mode), { made, wanted: file });
  }

  async write(octets: Buffer): Promise<void> {
    for (let at = 0; at < octets.length; ) at += writeSync(this.descriptor, octets, at);
  }

  keep(): void {
    this.close();
    if (this.names !== null) renameSync(this.names.made, this.names.wanted);
  }

  drop(): void {
    if (!this.open) return;
    this.close();
    if (this.names !== null) rmSync(this.names.made, { force: true });
  }

  private close(): void {
    this.open = false;
    closeSync(this.descriptor);
  }
}

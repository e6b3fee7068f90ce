/** The folder of fetched evidence: a write is whole or nothing, and nobody hears of one that failed. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeEvidence } from '../../src/trust/revocation-cache.ts';

describe('revocation cache: writing', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sealgate-cache-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('replaces the file that is there, for its owner only, and leaves nothing beside it', async () => {
    const file = path.join(folder, 'a.ocsp');
    await writeEvidence(file, Buffer.from('first'));
    await writeEvidence(file, Buffer.from('second'));
    assert.equal(await readFile(file, 'latin1'), 'second');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['a.ocsp']);
  });

  it('does not reject where it cannot write, and leaves nothing unfinished', async () => {
    await mkdir(path.join(folder, 'a.issuers', 'in the way'), { recursive: true });
    await writeEvidence(path.join(folder, 'a.issuers'), Buffer.from('x'));
    await writeEvidence(path.join(folder, 'absent', 'b.ocsp'), Buffer.from('x'));
    assert.deepEqual(await readdir(folder), ['a.issuers']);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openInput } from '../../src/cli/cms-input.ts';
import { CapturedTerminal } from './captured-terminal.ts';

describe('cms input', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-input-'));
  after(() => rmSync(folder, { recursive: true }));

  it('lets a file vouch for itself only when it has lain still for a while', async () => {
    const fresh = path.join(folder, 'fresh');
    writeFileSync(fresh, 'just written');
    const terminal = new CapturedTerminal();
    // two readings through one descriptor within a tick of the file's clock could differ unseen
    const young = await openInput(fresh, true, terminal);
    assert.equal(await young.source.identity?.(), null);
    await young.close();
    const old = await openInput(process.execPath, true, terminal);
    assert.match((await old.source.identity?.()) ?? '', /^\d+,\d+,\d+,\d+,\d+$/);
    await old.close();
  });
});

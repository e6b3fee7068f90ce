/**
 * Proves that every PKITS case is answered right, beside `openssl verify` and PKI.js' engine on the same files.
 *
 *     npm run prove -- pkits
 *
 * Right is the suite's verdict; wrong accepts what is not valid; refused does not accept what is valid. Cases that only
 * a CRL decides stand apart: all three are given the CRLs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { validatePath } from '../../src/x509/path-validator.ts';
import { isDsa, loadPkits, needsCrl, type PkitsCase, pkitsRequest } from '../support/pkits.ts';
import { withCrls } from '../support/pkits-crls.ts';
import { vectorsPath } from '../support/vectors.ts';
import { printTable } from './support/figure-table.ts';
import { openSslAccepts, pkiJsAccepts } from './support/pkits-peers.ts';

interface Tally {
  right: number;
  readonly wrong: string[];
  readonly refused: string[];
}
const newTally = (): Tally => ({ right: 0, wrong: [], refused: [] });

class Column {
  readonly name: string;
  readonly path = newTally();
  readonly crl = newTally();
  milliseconds = 0;

  constructor(name: string) {
    this.name = name;
  }

  async ask(one: PkitsCase, accepts: () => Promise<boolean>): Promise<void> {
    const begun = performance.now();
    const accepted = await accepts();
    this.milliseconds += performance.now() - begun;
    const tally = needsCrl(one) ? this.crl : this.path;
    if (accepted === (one.expected === 'valid')) tally.right++;
    else (accepted ? tally.wrong : tally.refused).push(one.id);
  }

  get row(): string[] {
    const counts = [this.path, this.crl].flatMap(({ right, wrong, refused }) => [right, wrong.length, refused.length]);
    return [this.name, ...counts.map(String), `${(this.milliseconds / 1000).toFixed(1)} s`];
  }
}

const vectors = vectorsPath();
const cases = loadPkits(vectors);
const [ours, openSsl, pkiJs] = ['sealgate', 'openssl verify', 'PKI.js'].map((name) => new Column(name));
const scratch = mkdtempSync(path.join(tmpdir(), 'sealgate-pkits-'));
for (const one of cases) {
  const request = pkitsRequest(one, vectors);
  await ours?.ask(one, async () => request !== null && validatePath(withCrls(request, one, vectors)).ok);
  await openSsl?.ask(one, async () => openSslAccepts(one, vectors, scratch));
  await pkiJs?.ask(one, () => pkiJsAccepts(one, vectors));
}
rmSync(scratch, { recursive: true });
const columns = [ours, openSsl, pkiJs].filter((column) => column !== undefined);
const HEAD = ['engine', 'right', 'wrong', 'refused', 'CRL right', 'CRL wrong', 'CRL refused', 'time'];
printTable('PKITS, public cases', [HEAD, ...columns.map(({ row }) => row)]);
for (const { name, path: own, crl } of columns) {
  for (const [what, list] of [
    ['wrong', own.wrong],
    ['refused', own.refused],
    ['wrong with CRL', crl.wrong],
  ] as const) {
    if (list.length > 0) console.log(`${name}, ${what}: ${list.join(' ')}`);
  }
}
const dsa = cases.filter(isDsa).map(({ id }) => id);
console.log(`refused as unsupported, DSA: ${dsa.join(' ')}`);
const good =
  ours !== undefined &&
  ours.path.wrong.length + ours.crl.wrong.length + ours.crl.refused.length === 0 &&
  ours.path.refused.every((id) => dsa.includes(id));
console.log(good ? 'proven' : 'NOT proven');
process.exit(good ? 0 : 1);

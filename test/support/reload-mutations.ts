/** Ways to break a good configuration file of a house (catalogue O5). Each is surely a mistake; none depends on chance. */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GatewayHouse } from './gateway-house.ts';

export interface Mutation {
  readonly name: string;
  /** What every mistake in the log says of its place. */
  readonly place: RegExp;
  /** Breaks it. @returns mends it */
  apply(house: GatewayHouse, good: string, turn: number): () => void;
}

const AT_A_PLACE = /sealgate\.yaml:\d+:\d+: /;

/** The text is replaced; the octets, where a test wants such as no text can hold. */
function ofText(name: string, change: (good: string, turn: number) => string | Buffer, place = AT_A_PLACE): Mutation {
  return {
    name,
    place,
    apply(house, good, turn) {
      const bad = change(good, turn);
      if (bad.toString() === good) throw new Error(`${name} changed nothing`);
      writeFileSync(house.config, bad);
      return () => writeFileSync(house.config, good);
    },
  };
}

/** A file that the configuration names. */
function ofFile(name: string, find: (house: GatewayHouse) => string, spoil: (file: string) => void): Mutation {
  return {
    name,
    place: /ca\.pem|anna@example\.org\.pem/,
    apply(house) {
      const file = find(house);
      const good = readFileSync(file);
      spoil(file);
      return () => {
        chmodSync(file, 0o600);
        writeFileSync(file, good);
      };
    },
  };
}

const authority = (house: GatewayHouse): string => path.join(house.folder, 'trust', 'ca.pem');
const identity = (house: GatewayHouse): string => {
  const folder = path.join(house.folder, 'identities');
  return path.join(folder, readdirSync(folder).sort()[0] ?? '');
};

const REQUIRED_KEYS = ['hostname', 'ours', 'trust', 'identities', 'queue'];

export const MUTATIONS: readonly Mutation[] = [
  // the last key is required, so whatever is cut off before its end is missing
  ofText('cut off', (good, turn) => good.slice(0, Math.floor((good.lastIndexOf('queue:') * (turn % 17)) / 17))),
  ofText('a required key gone', (good, turn) => {
    const key = REQUIRED_KEYS[turn % REQUIRED_KEYS.length] ?? '';
    return good.replace(new RegExp(`^${key}:.*\n`, 'm'), '');
  }),
  ofText('an unknown key', (good) => `${good}colour: blue\n`),
  ofText('a key twice', (good) => `${good}hostname: gw.example.org\n`),
  ofText('a tab', (good) => good.replace('\n  - address', '\n\t- address')),
  ofText('an impossible port', (good) => good.replace(/address: 127\.0\.0\.1:\d+/, 'address: 127.0.0.1:99999')),
  ofText('an odd duration', (good) => good.replace('lifetime: 1h', 'lifetime: a fortnight')),
  ofText('a scalar for a list', (good) => good.replace(/^ours: .*$/m, 'ours: 5')),
  ofText('an unknown level', (good) => good.replace('encrypt: required', 'encrypt: perhaps')),
  ofText('octets that are no UTF-8', (good) => Buffer.from(good.replace('gw.', 'g\xffw.'), 'latin1')),
  ofText('a NUL', (good) => good.replace('gw.', 'g\0w.')),
  ofText('an alias', (good) => good.replace('ours: [example.org]', 'ours: [&d example.org, *d]')),
  ofText('two documents', (good) => `${good}---\n${good}`),
  ofText('a relay for all', (good) => good.replace('127.0.0.0/8', '0.0.0.0/0')),
  ofText('an open bracket', (good) => good.replace('default: trust }', 'default: trust ')),
  ofText('deep nesting', (good) => `${good}deep: ${'['.repeat(2000)}${']'.repeat(2000)}\n`),
  ofText('an unknown kind of TLS', (good) => good.replace('tls: none', 'tls: sometimes')),
  ofText('plain beside required', (good) =>
    good.replace('{ encrypt: required }', '{ encrypt: required, without-certificate: plain }'),
  ),
  ofText('a folder that is not there', (good) => good.replace('identities: identities', 'identities: nowhere')),
  // said without a line: the value is good, only not now
  ofText('another spool', (good) => good.replace('folder: spool', 'folder: other'), /sealgate\.yaml: queue: .*restart/),
  ofFile('a broken CA file', authority, (file) => writeFileSync(file, readFileSync(file).subarray(0, 200))),
  ofFile('a broken identity', identity, (file) => writeFileSync(file, 'no key\n')),
  ofFile('an identity open to others', identity, (file) => chmodSync(file, 0o644)),
];

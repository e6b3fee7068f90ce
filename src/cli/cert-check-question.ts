/**
 * What `sealgate cert check` was asked: options to values, files to certificates. Files may be DER, PEM, PKCS #7 or
 * SST, whatever their name. With `--trust` the configuration is not read, and what those files hold are the anchors.
 */
import { readFile } from 'node:fs/promises';
import { type Address, parseAddress } from '../address.ts';
import { parseNetwork } from '../config/network.ts';
import { readAuthorityFile } from '../trust/authority-file.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { PathRequest, Purpose } from '../x509/path.ts';
import type { Terminal } from './terminal.ts';

export interface CertCheckOptions {
  readonly trust?: readonly string[];
  readonly untrusted?: readonly string[];
  readonly crl?: readonly string[];
  readonly offline?: boolean;
  readonly allow?: readonly string[];
  readonly fetchIntermediates?: boolean;
  readonly at?: string;
  readonly purpose?: string;
  readonly address?: string;
  readonly revocation?: string;
  readonly policy?: readonly string[];
  readonly explicitPolicy?: boolean;
  readonly inhibitMapping?: boolean;
  readonly inhibitAnyPolicy?: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

/** Everything of a request but the leaf and the certificates round it. */
export type CheckTerms = Omit<PathRequest, 'leaf' | 'anchors' | 'intermediates' | 'address'> & {
  /** As given by `--address`; null: none asked. */
  readonly address: Address | null;
};

const PURPOSES: readonly Purpose[] = ['sign', 'encrypt', 'any'];
const REVOCATION = ['off', 'soft', 'hard'];
const OID = /^[0-2](\.(0|[1-9]\d*))+$/;
/** RFC 3339, the profile of ISO 8601; a date alone is its first moment in UTC. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/** @returns null after what is wrong was said: a usage error */
export function checkTerms(
  options: CertCheckOptions,
  now: Date,
  standard: Purpose,
  terminal: Terminal,
): CheckTerms | null {
  const purpose = options.purpose === undefined ? standard : PURPOSES.find((one) => one === options.purpose);
  if (purpose === undefined) return wrong(terminal, `--purpose "${options.purpose}"`, PURPOSES.join(', '));
  const at = options.at === undefined ? now : new Date(TIME.test(options.at) ? options.at : Number.NaN);
  if (Number.isNaN(at.getTime())) {
    return wrong(terminal, `--at "${options.at}"`, 'a time such as 2026-11-24 or 2026-11-24T08:00:00Z');
  }
  const address = options.address === undefined ? null : parseAddress(options.address);
  if (options.address !== undefined && address === null) return wrong(terminal, '--address', 'local@domain');
  const policy = options.policy?.find((oid) => !OID.test(oid));
  if (policy !== undefined)
    return wrong(terminal, `--policy "${policy}"`, 'an object identifier such as 1.3.6.1.4.1.99999.1');
  if (options.revocation !== undefined && !REVOCATION.includes(options.revocation)) {
    return wrong(terminal, `--revocation "${options.revocation}"`, REVOCATION.join(', '));
  }
  for (const network of options.allow ?? []) {
    if (!parseNetwork(network).ok) {
      return wrong(terminal, `--allow "${network}"`, 'a network such as 10.1.2.0/24 or 2001:db8::/32');
    }
  }
  if (options.offline === true && options.fetchIntermediates === true) {
    return wrong(terminal, '--fetch-intermediates with --offline', 'one of them');
  }
  return {
    at,
    purpose,
    address,
    policies: options.policy ?? null,
    requireExplicitPolicy: options.explicitPolicy ?? false,
    inhibitPolicyMapping: options.inhibitMapping ?? false,
    inhibitAnyPolicy: options.inhibitAnyPolicy ?? false,
  };
}

function wrong(terminal: Terminal, what: string, allowed: string): null {
  terminal.say(`${what} is not possible`);
  terminal.hint(allowed);
  return null;
}

export type FileReading =
  | { readonly ok: true; readonly certificates: readonly Certificate[]; readonly problems: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** All certificates of a file. What cannot be read beside one that can is only told. */
export async function readCheckFile(file: string): Promise<FileReading> {
  let octets: Buffer;
  try {
    octets = await readFile(file);
  } catch {
    return { ok: false, problem: `${file} cannot be read` };
  }
  const { certificates, mistakes, warnings } = readAuthorityFile(octets);
  const problems = [...mistakes, ...warnings].map((text) => `${file}: ${text}`);
  if (certificates.length === 0) {
    return { ok: false, problem: problems[0] ?? `${file}: holds no certificate` };
  }
  return { ok: true, certificates, problems };
}

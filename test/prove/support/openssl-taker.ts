/**
 * Opens what the next hop gets with openssl alone, while it arrives: decrypted with the partner's key, verified against
 * the CA of the house, and what comes out hashed. openssl holds the message in memory; we do not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GatewayHouse } from '../../support/gateway-house.ts';
import type { MailTaker } from './next-hop.ts';
import { written } from './written.ts';

const SCRIPT = 'set -o pipefail; openssl cms -decrypt -recip "$1" -inkey "$2" | openssl cms -verify -CAfile "$3"';

/** Takes one message; {@link OpensslTaker.opened} tells what was in it. */
export class OpensslTaker implements MailTaker {
  /** SHA-256 of the signed entity. Rejects when openssl does not like the message. */
  readonly opened: Promise<string>;
  /** Octets of the message. */
  octets = 0;
  readonly #child: ChildProcess;

  constructor(house: GatewayHouse, recipient: string) {
    const { certificate, key, ca } = writeMaterial(house, recipient);
    this.#child = spawn('bash', ['-c', SCRIPT, 'open', certificate, key, ca], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdin?.on('error', () => {});
    this.opened = this.#open();
    // whoever awaits it gets the rejection; before that nobody need
    this.opened.catch(() => {});
  }

  async take(octets: Buffer): Promise<void> {
    this.octets += octets.length;
    if (this.#child.stdin !== null) await written(this.#child.stdin, octets);
  }

  end(): void {
    this.#child.stdin?.end();
  }

  lost(): void {
    this.#child.kill('SIGKILL');
  }

  async #open(): Promise<string> {
    const hash = createHash('sha256');
    let said = '';
    this.#child.stdout?.on('data', (octets: Buffer) => hash.update(octets));
    this.#child.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const [status] = (await once(this.#child, 'close')) as [number | null];
    if (status !== 0) throw new Error(`openssl: ${said}`);
    return hash.digest('hex');
  }
}

function writeMaterial(house: GatewayHouse, recipient: string): { certificate: string; key: string; ca: string } {
  const partner = house.partners.get(recipient);
  if (partner === undefined) throw new Error(`no partner ${recipient}`);
  const write = (name: string, text: string): string => {
    const file = path.join(house.folder, 'scratch', name);
    // another openssl may be reading it
    if (!existsSync(file)) writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    certificate: write(`${recipient}.pem`, partner.pem),
    key: write(`${recipient}.key`, partner.keyPem),
    ca: write('ca.pem', house.ca.pem),
  };
}

/** A folder with everything a configuration names, good and bad, made for one test run and removed after it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

/** What `sealgate login hash` prints has this form; this one fits no password anybody knows. */
export const PASSWORD_HASH = `scrypt$32768$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

export class ConfigHouse {
  readonly folder: string;

  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'sealgate-config-'));
    for (const name of ['certs/trust', 'certs/identities', 'certs/partners', 'keys']) {
      mkdirSync(path.join(this.folder, name), { recursive: true });
    }
    this.#fill();
  }

  /** Writes a file, readable by its owner only unless said otherwise. @returns its absolute path */
  write(name: string, content: string | Buffer, mode = 0o600): string {
    const file = path.join(this.folder, name);
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #fill(): void {
    const authority = makeAuthority({ name: 'Test Root' });
    const tls = makeCertificate(authority, { name: 'gw.example.org', key: 'p-256' });
    const other = makeCertificate(authority, { name: 'other.example.org', key: 'p-256', freshKey: true });
    this.write('certs/trust/root.pem', authority.pem, 0o644);
    this.write('certs/tls.crt', tls.pem, 0o644);
    this.write('certs/tls.key', tls.keyPem);
    this.write('certs/open.key', tls.keyPem, 0o644);
    this.write('certs/other.key', other.keyPem);
    this.write('certs/not-pem', 'no certificate\n', 0o644);
    symlinkSync('tls.key', path.join(this.folder, 'certs/link.key'));
    this.write('keys/secret', 'a shared secret\n');
    this.write('keys/empty', '');
    this.write('keys/open.key', 'spool key', 0o640);
    this.write('users.yaml', `anna: { password: "${PASSWORD_HASH}", addresses: [anna@example.org] }\n`);
    this.write('users-open.yaml', `anna: { password: "${PASSWORD_HASH}", addresses: [anna@example.org] }\n`, 0o644);
    this.write('users-bad.yaml', 'anna: { password: in clear, addresses: [anna] }\nbert: {}\n');
  }
}

/** A small configuration that is right; tests change it. */
export const GOOD_SITE = `hostname: gw.example.org
ours: [example.org]
listen:
  - address: 127.0.0.1:2525
    clients: [{ network: 127.0.0.0/8, vouches: always }]
trust: { default: certs/trust }
identities: certs/identities
directory: [{ folder: certs/partners }]
rules:
  to:
    bank.example: { encrypt: required }
routes:
  internal: { host: exchange.example.org }
  outside: { host: mail-out.example.net }
queue: { folder: spool, key: keys/spool.key }
`;

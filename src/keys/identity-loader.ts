/**
 * Reads the folder of our own senders' certificates and keys: `.pem`, and `.p12` or `.pfx` with `NAME.password` beside.
 *
 * All mistakes are collected, each `file: problem: what to do`, so that one look mends them; any of them stops the start.
 * Files open to others, of another owner or behind a link are refused (catalogue O3), as are two files for one mailbox:
 * which key signs must never depend on the order of names.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Address } from '../address.ts';
import { GatewayError } from '../errors.ts';
import { identitiesLoaded } from '../log/keys-events.ts';
import { FileIdentity, LoadedIdentities, SignerSource } from './file-identity.ts';
import type { Identity, IdentityLoad, IdentityOptions } from './identities.ts';
import { checkSigningKey, type MatchedFile, mailboxesOf, matchCertificate, warningsOf } from './identity-checks.ts';
import { type KeyFile, parsePemFile } from './pem-file.ts';
import { parsePkcs12File } from './pkcs12-file.ts';
import { readPrivateFile } from './private-file.ts';

/**
 * Identities of a folder. With any mistake the result is not to be used.
 * @param now for the warnings about expiry
 * @returns never rejects for what is in the folder: that is among the mistakes
 */
export async function loadIdentities(options: IdentityOptions, now: Date = new Date()): Promise<IdentityLoad> {
  const folder = new IdentityFolder(options, now);
  await folder.read();
  return folder.result();
}

class IdentityFolder {
  private readonly options: IdentityOptions;
  private readonly now: Date;
  private readonly mistakes: string[] = [];
  private readonly warnings: string[] = [];
  private readonly identities = new Map<string, Identity>();
  /** The command that mends a file with old ciphers. */
  private readonly conversions = new Map<string, string>();
  private files = 0;

  constructor(options: IdentityOptions, now: Date) {
    this.options = options;
    this.now = now;
  }

  result(): IdentityLoad {
    const { identities, mistakes, warnings } = this;
    if (mistakes.length === 0) {
      identitiesLoaded(this.options.folder, { files: this.files, addresses: identities.size });
    }
    return { identities: new LoadedIdentities(identities), mistakes, warnings };
  }

  async read(): Promise<void> {
    let names: string[];
    try {
      names = await readdir(this.options.folder);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.mistakes.push(`${this.options.folder}: cannot be read (${reason}): create it or correct the path`);
      return;
    }
    for (const name of names.sort()) {
      const extension = path.extname(name).toLowerCase();
      if (name.startsWith('.') || extension === '.password') continue;
      const file = path.join(this.options.folder, name);
      if (extension === '.pem') await this.readIdentity(file, () => this.readPem(file));
      else if (extension === '.p12' || extension === '.pfx') await this.readIdentity(file, () => this.readPkcs12(file));
      else this.warnings.push(`${file}: is ignored: identities are .pem, .p12 and .pfx files`);
    }
  }

  /** @param read null when it has noted its mistakes itself */
  private async readIdentity(file: string, read: () => Promise<KeyFile | null>): Promise<void> {
    this.files++;
    try {
      const keyFile = await read();
      if (keyFile === null) return;
      const { oldCipher } = keyFile;
      if (oldCipher !== undefined)
        this.warnings.push(
          `${file}: is encrypted with ${oldCipher}, which protects it badly: ${this.conversions.get(file) ?? 'export it again'}`,
        );
      const matched = matchCertificate(keyFile);
      const addresses = mailboxesOf(matched.certificate);
      checkSigningKey(matched);
      this.add(file, matched, addresses);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'keys.unusable') throw error;
      const where = error.detail.startsWith('does not open with its password')
        ? ': check the .password file beside it'
        : '';
      this.mistakes.push(`${file}: ${error.detail}${where}`);
    }
  }

  private async readPem(file: string): Promise<KeyFile | null> {
    const octets = await this.open(file);
    if (octets === null) return null;
    try {
      return parsePemFile(octets);
    } finally {
      octets.fill(0);
    }
  }

  private async readPkcs12(file: string): Promise<KeyFile | null> {
    const passwordFile = `${file.slice(0, -path.extname(file).length)}.password`;
    // both are looked at before either is refused: all mistakes at once
    const octets = await this.open(file);
    const password = await this.openPassword(passwordFile);
    if (octets === null || password === null) return null;
    try {
      const command = conversion(file, password.source);
      this.conversions.set(file, command);
      return await parsePkcs12File(octets, withoutLineEnd(password.octets), command);
    } finally {
      octets.fill(0);
      password.octets.fill(0);
    }
  }

  private async openPassword(file: string): Promise<{ octets: Buffer; source: string } | null> {
    const found = await readPrivateFile(file);
    if (found.kind === 'absent') return { octets: Buffer.alloc(0), source: 'pass:' };
    if (found.kind === 'read') return { octets: found.octets, source: `file:${file}` };
    this.mistakes.push(`${file}: ${found.problem}`);
    return null;
  }

  private async open(file: string): Promise<Buffer | null> {
    const found = await readPrivateFile(file);
    if (found.kind === 'read') return found.octets;
    this.mistakes.push(`${file}: ${found.kind === 'absent' ? 'is gone: start again' : found.problem}`);
    return null;
  }

  private add(file: string, matched: MatchedFile, addresses: readonly Address[]): void {
    const signers = new SignerSource(matched, file);
    for (const address of addresses) {
      const other = this.identities.get(address.key);
      if (other === undefined) {
        this.identities.set(address.key, new FileIdentity(address, matched, file, signers));
      } else {
        this.mistakes.push(`${file}: ${address.text} has an identity in ${other.file} already: remove one of the two`);
      }
    }
    const elsewhere = new Set(this.options.decryptsElsewhere.map(({ key }) => key));
    const openedHere = addresses.filter(({ key }) => !elsewhere.has(key));
    for (const warning of warningsOf(matched.certificate, openedHere, this.now)) {
      this.warnings.push(`${file}: ${warning}`);
    }
  }
}

/** A view of the password without the line end that editors add. */
function withoutLineEnd(password: Buffer): Buffer {
  let end = password.length;
  if (end > 0 && password[end - 1] === 0x0a) end--;
  if (end > 0 && password[end - 1] === 0x0d) end--;
  return password.subarray(0, end);
}

/**
 * The command that makes a file with modern ciphers of one with old ones. The key goes through a pipe, never in clear to
 * the disk; the certificates need a file, because openssl reads its input twice.
 */
function conversion(file: string, passwordSource: string): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const password = quoted(passwordSource);
  const certificates = quoted(`${file}.crt`);
  const converted = quoted(`${file}.new`);
  const read = `openssl pkcs12 -legacy -in ${quoted(file)} -passin ${password}`;
  return (
    `(umask 077; ${read} -nokeys -out ${certificates} && ${read} -nocerts -nodes | ` +
    `openssl pkcs12 -export -inkey /dev/stdin -in ${certificates} -passout ${password} -out ${converted} && ` +
    `mv ${converted} ${quoted(file)}; rm ${certificates})`
  );
}

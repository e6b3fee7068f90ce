/** A Trust with revocation, its authority, its correspondent and the server its certificates point at. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAddress } from '../../src/address.ts';
import { openTrust } from '../../src/trust/open-trust.ts';
import type { RevocationOptions } from '../../src/trust/revocation-options.ts';
import { isUnsettled, type Trust, type TrustQuestion, type TrustVerdict } from '../../src/trust/trust.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from './certificate-builder.ts';
import { distributionPoints, ocspAccess } from './crl-builder.ts';
import { HostileHttp } from './hostile-http.ts';

export const BOB = 'bob@bank.example';

export class RevocationHouse {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sealgate-revocation-'));
  readonly server: HostileHttp;
  readonly root: MadeCertificate;
  /** CRL at /root.crl. */
  readonly bob: MadeCertificate;
  readonly #options: Partial<RevocationOptions>;
  readonly #open: Trust[] = [];

  private constructor(server: HostileHttp, options: Partial<RevocationOptions>, root: MadeCertificate) {
    this.server = server;
    this.#options = options;
    this.root = root;
    this.bob = this.person([distributionPoints(server.url('/root.crl'))]);
    writeFileSync(path.join(this.folder, 'root.pem'), this.root.pem);
  }

  /** @param root the only anchor */
  static async open(
    options: Partial<RevocationOptions> = {},
    root: MadeCertificate = makeAuthority({ name: 'Root' }),
  ): Promise<RevocationHouse> {
    return new RevocationHouse(await HostileHttp.open(), options, root);
  }

  person(extraExtensions: readonly { oid: string; critical: boolean; value: Buffer }[]): MadeCertificate {
    return makeCertificate(this.root, { key: 'p-256', freshKey: true, emails: [BOB], extraExtensions });
  }

  /** A person whose status is at an OCSP responder, and perhaps in a CRL too. */
  withOcsp(place: string, crl?: string): MadeCertificate {
    const points = crl === undefined ? [] : [distributionPoints(this.server.url(crl))];
    return this.person([...points, ocspAccess(this.server.url(place))]);
  }

  /** A new process, as it were: nothing in memory. */
  async trust(more: Partial<RevocationOptions> = {}): Promise<Trust> {
    const revocation: RevocationOptions = {
      check: true,
      whenUnreachable: 'refuse',
      withoutSource: 'accept',
      stalenessMaxMs: 0,
      fetchTimeoutMs: 1_500,
      validationTimeoutMs: 5_000,
      refreshMs: 3_600_000,
      allow: ['127.0.0.0/8'],
      crls: [],
      cache: path.join(this.folder, 'cache'),
      fetch: true,
      patient: false,
      ...this.#options,
      ...more,
    };
    const opened = await openTrust({ default: path.join(this.folder, 'root.pem'), revocation });
    if (!opened.ok) throw new Error(opened.mistakes.join('\n'));
    this.#open.push(opened.trust);
    return opened.trust;
  }

  /** Judged as the relay judges: at once where possible, else after what can be had was got. */
  async ask(trust: Trust, made: MadeCertificate = this.bob): Promise<TrustVerdict> {
    const question = questionOf(made);
    const verdict = trust.judge(question);
    if (!isUnsettled(verdict)) return verdict;
    await trust.prepare(question);
    return trust.judge(question);
  }

  async close(): Promise<void> {
    for (const trust of this.#open) await trust.close();
    await this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function questionOf({ certificate }: MadeCertificate): TrustQuestion {
  const address = parseAddress(BOB);
  return { certificate, purpose: 'encrypt', address, at: new Date(), extraIntermediates: [] };
}

/** `good: ...`, `revoked: ...` or the code of the refusal. */
export function saidOf(verdict: TrustVerdict): string {
  return verdict.ok ? verdict.revocation : `${verdict.failure.code}: ${verdict.failure.text}`;
}

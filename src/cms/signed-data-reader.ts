/**
 * Reads SignedData (RFC 5652 §5) from a stream: certificates, SignerInfos, and the digests of the content, which itself
 * is not kept. Definite and indefinite lengths, content in any segments. Nothing is judged here: that is verification.
 *
 * Refused with cms.limits: more signers, certificates or CRLs than {@link READER_LIMITS}. Passed over: CRLs (those that
 * a message brings are not evidence), attribute certificates and other formats, certificates that do not parse.
 */
import { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { GatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { type DigestName, findDigest } from './algorithms/digests.ts';
import { type AlgorithmIdentifier, parseAlgorithm } from './ber-field-reader.ts';
import { ContentDigests } from './content-digests.ts';
import { enterContent, leaveContent, readOid } from './content-info-reader.ts';
import { checkLimit, READER_LIMITS } from './reader-limits.ts';
import type { ReopenableSource } from './reopenable-source.ts';
import { parseSignerInfo, type SignerInfo } from './signer-info-reader.ts';

/** What one pass over a SignedData found; all of it attacker-chosen. */
export interface SignedDataParts {
  /** eContentType. */
  readonly contentType: string;
  /** True when the content is not inside. */
  readonly detached: boolean;
  readonly certificates: readonly Certificate[];
  /** Certificates that were not understood. */
  readonly badCertificates: number;
  readonly signers: readonly SignerInfo[];
  /** Octets of the content inside; 0 when detached. */
  readonly contentOctets: number;
  /** The content inside when it is short; null when it is long or detached. */
  readonly shortContent: Buffer | null;
  /** Digests of the content inside. */
  readonly digests: ReadonlyMap<DigestName, Buffer>;
}

export interface SignedDataReading {
  readonly trailingOctets: boolean;
  /** Makes a Certificate of DER; a cache may stand behind it, for making keys costs more than verifying. */
  readonly parse?: (der: Buffer) => Certificate;
  /** Which of the digests that are announced to compute. */
  chooseDigests(announced: readonly DigestName[]): readonly DigestName[];
}

/** One reading of one source. The content goes by as {@link content}; the rest is there when that has ended. */
export class SignedDataPass {
  private readonly source: ReopenableSource;
  private readonly reading: SignedDataReading;
  private found: SignedDataParts | null = null;

  constructor(source: ReopenableSource, reading: SignedDataReading) {
    this.source = source;
    this.reading = reading;
  }

  /** What was found. Null until {@link content} has ended without throwing. */
  get parts(): SignedDataParts | null {
    return this.found;
  }

  /**
   * The content inside, unproven; nothing when detached. Reads the whole object.
   * @param scratch true: a piece is void when the next is asked for
   */
  async *content(scratch = false): AsyncGenerator<Buffer, void, undefined> {
    const stream = new BerStream(this.source.open());
    try {
      await enterContent(stream, ['signedData']);
      await stream.read(TAG.integer, READER_LIMITS.fieldOctets);
      const digests = new ContentDigests(this.reading.chooseDigests(await readAnnounced(stream)));
      await stream.enter(TAG.sequence);
      const contentType = await readOid(stream);
      const detached = await stream.atEnd();
      if (!detached) {
        await stream.enter(0xa0);
        for await (const part of stream.octets(TAG.octetString, scratch)) {
          digests.add(part);
          yield part;
        }
        await stream.leave();
      }
      await stream.leave();
      const { certificates, bad } = await this.readCertificates(stream);
      await skipRevocationLists(stream);
      const signers = await readSigners(stream);
      await leaveContent(stream, this.reading.trailingOctets);
      this.found = {
        contentType,
        detached,
        certificates,
        badCertificates: bad,
        signers,
        contentOctets: digests.octets,
        shortContent: detached ? null : digests.shortContent(),
        digests: digests.values(),
      };
    } finally {
      await stream.close();
    }
  }

  private async readCertificates(stream: BerStream): Promise<{ certificates: Certificate[]; bad: number }> {
    const parse = this.reading.parse ?? parseCertificate;
    const certificates: Certificate[] = [];
    let bad = 0;
    if ((await stream.peekTag()) !== 0xa0) return { certificates, bad };
    await stream.enter(0xa0);
    for (let count = 1; !(await stream.atEnd()); count++) {
      checkLimit(count, READER_LIMITS.certificates, 'certificates');
      const whole = await stream.readWhole(READER_LIMITS.certificateOctets);
      if (whole[0] !== TAG.sequence) continue;
      try {
        certificates.push(parse(whole));
      } catch (thrown) {
        if (!(thrown instanceof GatewayError)) throw thrown;
        bad++;
      }
    }
    await stream.leave();
    return { certificates, bad };
  }
}

async function readAnnounced(stream: BerStream): Promise<DigestName[]> {
  const names: DigestName[] = [];
  await stream.enter(TAG.set);
  for (let count = 1; !(await stream.atEnd()); count++) {
    checkLimit(count, READER_LIMITS.digestAlgorithms, 'digest algorithms');
    const algorithm = parseAlgorithm(await stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
    const name = digestOf(algorithm);
    if (name !== null && !names.includes(name)) names.push(name);
  }
  await stream.leave();
  return names;
}

/** The digest of an AlgorithmIdentifier, or null. The length of SHAKE256 must be the one that CMS uses (RFC 8419 §2.3). */
export function digestOf(algorithm: AlgorithmIdentifier): DigestName | null {
  const name = findDigest(algorithm.oid);
  if (name !== 'shake256-512') return name;
  const { parameters } = algorithm;
  return parameters?.equals(BITS_512) === true ? name : null;
}

const BITS_512 = Buffer.from([TAG.integer, 2, 2, 0]);

async function skipRevocationLists(stream: BerStream): Promise<void> {
  if ((await stream.peekTag()) !== 0xa1) return;
  await stream.enter(0xa1);
  for (let count = 1; !(await stream.atEnd()); count++) {
    checkLimit(count, READER_LIMITS.certificates, 'revocation lists');
    await stream.skip();
  }
  await stream.leave();
}

async function readSigners(stream: BerStream): Promise<SignerInfo[]> {
  const signers: SignerInfo[] = [];
  await stream.enter(TAG.set);
  while (!(await stream.atEnd())) {
    checkLimit(signers.length + 1, READER_LIMITS.signers, 'signers');
    signers.push(parseSignerInfo(await stream.readWhole(READER_LIMITS.signerOctets)));
  }
  await stream.leave();
  return signers;
}

/**
 * The content of a SignedData, of which nothing was proven and nothing will be. For people who ask for it by name
 * (`--output-anyway`); nothing that the gateway delivers comes from here.
 */
export async function* unprovenContent(source: ReopenableSource): AsyncGenerator<Buffer, void, undefined> {
  yield* new SignedDataPass(source, { trailingOctets: true, chooseDigests: () => [] }).content();
}

/**
 * Reads SignedData (RFC 5652 §5) from a stream: certificates, SignerInfos, and the digests of the content, which itself
 * is not kept. Definite and indefinite lengths, content in any segments. Nothing is judged here: that is verification.
 *
 * Refused with cms.limits: more signers, certificates or CRLs than {@link READER_LIMITS}. Passed over: CRLs (those that
 * a message brings are not evidence), attribute certificates and other formats, certificates that do not parse.
 */
import type { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { flowOf, type Reading } from '../asn1/pieces.ts';
import { GatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { type DigestName, findDigest } from './algorithms/digests.ts';
import { type AlgorithmIdentifier, parseAlgorithm } from './ber-field-reader.ts';
import { ContentDigests } from './content-digests.ts';
import { enterContent, leaveContent, readOid } from './content-info-reader.ts';
import { checkLimit, READER_LIMITS } from './reader-limits.ts';
import { berStreamOf, keptStreamOf, type ReopenableSource } from './reopenable-source.ts';
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
  private readonly options: SignedDataReading;
  private found: SignedDataParts | null = null;

  constructor(source: ReopenableSource, options: SignedDataReading) {
    this.source = source;
    this.options = options;
  }

  /** What was found. Null until {@link content} or {@link run} has ended without throwing. */
  get parts(): SignedDataParts | null {
    return this.found;
  }

  /**
   * The content inside, unproven; nothing when detached. Reads the whole object.
   * @throws GatewayError asn1.*, cms.*; what the source throws
   */
  async *content(): AsyncGenerator<Buffer, void, undefined> {
    const stream = keptStreamOf(this.source);
    try {
      yield* flowOf(this.reading(stream, false));
    } finally {
      await stream.close();
    }
  }

  /** {@link content} for one who only looks. @param show is given the pieces; each is void when it returns */
  async run(show: (part: Buffer) => void): Promise<void> {
    const stream = berStreamOf(this.source);
    try {
      const reading = this.reading(stream, true);
      for (let step = reading.next(null); step.done !== true; ) {
        if (step.value instanceof Promise) step = reading.next(await step.value);
        else {
          show(step.value);
          step = reading.next(null);
        }
      }
    } finally {
      await stream.close();
    }
  }

  private *reading(stream: BerStream, scratch: boolean): Reading<void, Buffer> {
    yield* enterContent(stream, ['signedData']);
    yield* stream.read(TAG.integer, READER_LIMITS.fieldOctets);
    const digests = new ContentDigests(this.options.chooseDigests(yield* readAnnounced(stream)));
    yield* stream.enter(TAG.sequence);
    const contentType = yield* readOid(stream);
    const detached = yield* stream.atEnd();
    if (!detached) {
      yield* stream.enter(0xa0);
      yield* stream.openString(TAG.octetString, scratch);
      for (let part = yield* stream.nextOctets(); part !== null; part = yield* stream.nextOctets()) {
        digests.add(part);
        yield part;
      }
      yield* stream.leave();
    }
    yield* stream.leave();
    const { certificates, bad } = yield* this.readCertificates(stream);
    yield* skipRevocationLists(stream);
    const signers = yield* readSigners(stream);
    yield* leaveContent(stream, this.options.trailingOctets);
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
  }

  private *readCertificates(stream: BerStream): Reading<{ certificates: Certificate[]; bad: number }> {
    const parse = this.options.parse ?? parseCertificate;
    const certificates: Certificate[] = [];
    let bad = 0;
    if ((yield* stream.peekTag()) !== 0xa0) return { certificates, bad };
    yield* stream.enter(0xa0);
    for (let count = 1; !(yield* stream.atEnd()); count++) {
      checkLimit(count, READER_LIMITS.certificates, 'certificates');
      const whole = yield* stream.readWhole(READER_LIMITS.certificateOctets);
      if (whole[0] !== TAG.sequence) continue;
      try {
        certificates.push(parse(whole));
      } catch (thrown) {
        if (!(thrown instanceof GatewayError)) throw thrown;
        bad++;
      }
    }
    yield* stream.leave();
    return { certificates, bad };
  }
}

function* readAnnounced(stream: BerStream): Reading<DigestName[]> {
  const names: DigestName[] = [];
  yield* stream.enter(TAG.set);
  for (let count = 1; !(yield* stream.atEnd()); count++) {
    checkLimit(count, READER_LIMITS.digestAlgorithms, 'digest algorithms');
    const algorithm = parseAlgorithm(yield* stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
    const name = digestOf(algorithm);
    if (name !== null && !names.includes(name)) names.push(name);
  }
  yield* stream.leave();
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

function* skipRevocationLists(stream: BerStream): Reading<void> {
  if ((yield* stream.peekTag()) !== 0xa1) return;
  yield* stream.enter(0xa1);
  for (let count = 1; !(yield* stream.atEnd()); count++) {
    checkLimit(count, READER_LIMITS.certificates, 'revocation lists');
    yield* stream.skip();
  }
  yield* stream.leave();
}

function* readSigners(stream: BerStream): Reading<SignerInfo[]> {
  const signers: SignerInfo[] = [];
  yield* stream.enter(TAG.set);
  while (!(yield* stream.atEnd())) {
    checkLimit(signers.length + 1, READER_LIMITS.signers, 'signers');
    signers.push(parseSignerInfo(yield* stream.readWhole(READER_LIMITS.signerOctets)));
  }
  yield* stream.leave();
  return signers;
}

/**
 * The content of a SignedData, of which nothing was proven and nothing will be. For people who ask for it by name
 * (`--output-anyway`); nothing that the gateway delivers comes from here.
 */
export async function* unprovenContent(source: ReopenableSource): AsyncGenerator<Buffer, void, undefined> {
  yield* new SignedDataPass(source, { trailingOctets: true, chooseDigests: () => [] }).content();
}

/**
 * Whatever a file or directory entry holds certificates in, to certificates: PEM with any number of blocks (RFC 7468),
 * one DER certificate, a certs-only SignedData in DER, BER or PEM (RFC 8551 §3.8, RFC 7468 §8).
 *
 * One bad certificate among good ones costs only itself: it becomes a line of `problems`. Refused that way too: blocks
 * that are no certificates, octets outside any known form, more certificates than asked for. Nothing is trusted by
 * being here, and nothing here throws.
 */
import { GatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { CRLS_MAX, looksLikeContentInfo, readCertsOnly } from './certs-only-reader.ts';

/** What one mailbox or one message may bring. A CA collection asks for more. */
export const BUNDLE_CERTIFICATES_MAX = 100;
/** Said where CRLs of a PKCS #7 are missing from `crls`. */
export const CRLS_CUT = `PKCS #7 with CRLs that cannot be read, or more than ${CRLS_MAX}`;
/** Problems told one by one; further ones are only counted. */
const PROBLEMS_MAX = 100;

export interface CertificateBundle {
  /** In their order, each once. */
  readonly certificates: Certificate[];
  /** Whole octets of CRLs that stood beside them in a PKCS #7, not parsed. */
  readonly crls: Buffer[];
  /** One sentence each, for an administrator; hold no octets of the input but the label of a PEM block. */
  readonly problems: string[];
}

/**
 * @param bytes attacker-chosen; never throws on them
 * @param certificatesMax further certificates are left out, and a problem says so
 */
export function readCertificateBundle(
  bytes: Buffer,
  certificatesMax: number = BUNDLE_CERTIFICATES_MAX,
): CertificateBundle {
  const collector = new Collector(certificatesMax);
  if (bytes[0] === 0x30) collector.addBinary(bytes, 'certificate');
  else addPem(bytes.toString('latin1'), collector);
  return collector.bundle();
}

class Collector {
  private readonly max: number;
  private readonly bySha256 = new Map<string, Certificate>();
  private readonly crls: Buffer[] = [];
  private readonly problems: string[] = [];
  private furtherProblems = 0;
  private position = 0;
  full = false;

  constructor(max: number) {
    this.max = max;
  }

  /** DER certificate or BER SignedData. */
  addBinary(bytes: Buffer, what: string): void {
    if (!looksLikeContentInfo(bytes)) {
      this.addCertificate(bytes, what);
      return;
    }
    try {
      const { certificates, crls, cut, crlsCut } = readCertsOnly(bytes, this.max - this.position);
      this.crls.push(...crls);
      if (certificates.length === 0 && !cut) this.addProblem(`${what}: PKCS #7 without certificates`);
      for (const certificate of certificates) this.addCertificate(certificate, 'certificate');
      if (cut) this.fill();
      if (crlsCut) this.addProblem(`${what}: ${CRLS_CUT}`);
    } catch (thrown) {
      this.addProblem(`${what}: not a PKCS #7 of certificates (${reasonOf(thrown)})`);
    }
  }

  addProblem(text: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text);
    else this.furtherProblems++;
  }

  bundle(): CertificateBundle {
    const problems = [...this.problems];
    if (this.furtherProblems > 0) problems.push(`${this.furtherProblems} further problems`);
    return { certificates: [...this.bySha256.values()], crls: this.crls, problems };
  }

  private addCertificate(der: Buffer, what: string): void {
    if (this.position >= this.max) {
      this.fill();
      return;
    }
    this.position++;
    try {
      const certificate = parseCertificate(der);
      this.bySha256.set(certificate.sha256, certificate);
    } catch (thrown) {
      this.addProblem(`${what} ${this.position}: ${reasonOf(thrown)}`);
    }
  }

  private fill(): void {
    if (!this.full) this.addProblem(`more than ${this.max} certificates, the rest is left out`);
    this.full = true;
  }
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';
const LABEL_FORM = /^[A-Z0-9 #.]{1,40}$/;
/** Labels of certificates and of PKCS #7 (RFC 7468 §5, §8, §9 and older habits). */
const LABELS: ReadonlySet<string> = new Set([
  'CERTIFICATE',
  'X509 CERTIFICATE',
  'X.509 CERTIFICATE',
  'PKCS7',
  'PKCS #7 SIGNED DATA',
  'CMS',
]);

/** Text outside blocks is explanatory (RFC 7468 §5.2) and passed over. One pass, no backtracking. */
function addPem(text: string, collector: Collector): void {
  let at = text.indexOf(BEGIN);
  if (at < 0) collector.addProblem('neither PEM nor DER');
  while (at >= 0 && !collector.full) {
    const labelEnd = text.indexOf(DASHES, at + BEGIN.length);
    const label = labelEnd < 0 ? '' : text.slice(at + BEGIN.length, labelEnd);
    const bodyEnd = LABEL_FORM.test(label) ? text.indexOf(`-----END ${label}-----`, labelEnd) : -1;
    if (bodyEnd < 0) {
      collector.addProblem('PEM block with a broken BEGIN line or without its END line');
      return;
    }
    addBlock(label, text.slice(labelEnd + DASHES.length, bodyEnd), collector);
    at = text.indexOf(BEGIN, bodyEnd);
  }
}

function addBlock(label: string, body: string, collector: Collector): void {
  const base64 = body.replace(/\s+/g, '');
  if (!LABELS.has(label)) collector.addProblem(`PEM block ${label} is not a certificate`);
  else if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 === 1) {
    collector.addProblem(`PEM block ${label} is not base64`);
  } else collector.addBinary(Buffer.from(base64, 'base64'), 'certificate');
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof GatewayError) return thrown.detail;
  throw thrown;
}

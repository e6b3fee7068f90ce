/**
 * One identity from PKCS #12 (RFC 7292): certificates and one private key under a password.
 *
 * pkijs reads the structure, node:crypto computes. The MAC is checked first. Old ciphers (RC2, triple DES) are read and
 * told of. Refused with keys.unusable: no MAC, PBMAC1, RC4, too many rounds (catalogue C23), no key or several, nested
 * or unknown containers with a key in them, more than {@link BAGS_MAX} bags.
 */
import { createHmac, createPrivateKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { Integer, OctetString } from 'asn1js';
import {
  type AlgorithmIdentifier,
  AuthenticatedSafe,
  CertBag,
  type ContentInfo,
  EncryptedData,
  type MacData,
  PFX,
  PKCS8ShroudedKeyBag,
  PrivateKeyInfo,
  SafeContents,
} from 'pkijs';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { findMissingKeyAlgorithm } from './missing-key-algorithm.ts';
import { decryptOld, findOldCipher } from './old-password-ciphers.ts';
import { decryptWithPassword } from './password-based-encryption.ts';
import type { KeyFile } from './pem-file.ts';
import { deriveMacKey } from './pkcs12-derivation.ts';
import { RoundBudget } from './round-budget.ts';

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const BAGS_MAX = 100;

/**
 * @param octets stays the caller's
 * @param password UTF-8, may be empty; stays the caller's, who wipes it
 * @param conversion the command that makes a file with modern ciphers of it, shown when it has old ones
 * @throws GatewayError keys.unusable, with `problem: what to do` as its detail
 */
export async function parsePkcs12File(octets: Buffer, password: Buffer, conversion: string): Promise<KeyFile> {
  try {
    return await new Pkcs12Reader(password, conversion).read(octets);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'keys.unusable') throw error;
    throw gatewayError('keys.unusable', 'is not a PKCS #12 file that can be read: export it again', error);
  }
}

/**
 * The certificates of a trust store: a PKCS #12 without any key.
 * @param octets attacker-chosen, stays the caller's
 * @param password UTF-8, may be empty; stays the caller's, who wipes it
 * @param certificatesMax more bags than this are refused
 * @throws GatewayError keys.unusable, with `problem: what to do` as its detail
 */
export async function readTrustStore(
  octets: Buffer,
  password: Buffer,
  certificatesMax: number,
): Promise<readonly Certificate[]> {
  try {
    return await new Pkcs12Reader(password, 'export it again', certificatesMax).readCertificates(octets);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'keys.unusable') throw error;
    throw gatewayError('keys.unusable', 'is not a PKCS #12 file that can be read: export it again', error);
  }
}

class Pkcs12Reader {
  private readonly password: Buffer;
  private readonly conversion: string;
  private readonly budget = new RoundBudget();
  private readonly keys: KeyObject[] = [];
  private readonly certificates: Certificate[] = [];
  private readonly bagsMax: number;
  private bags = 0;
  /** The form of the password that the MAC was made with; the old ciphers take the same. */
  private bmpPassword: Buffer = Buffer.alloc(0);
  private oldCipher: string | null = null;

  constructor(password: Buffer, conversion: string, bagsMax: number = BAGS_MAX) {
    this.password = password;
    this.conversion = conversion;
    this.bagsMax = bagsMax;
  }

  async read(octets: Buffer): Promise<KeyFile> {
    await this.open(octets);
    const [key, second] = this.keys;
    if (key === undefined) throw unusable('has no private key: export it with its key');
    if (second !== undefined) throw unusable('has more than one private key: give each its own file');
    const { certificates, oldCipher } = this;
    return { key, certificates, ...(oldCipher === null ? {} : { oldCipher }) };
  }

  async readCertificates(octets: Buffer): Promise<readonly Certificate[]> {
    await this.open(octets);
    if (this.keys.length > 0) throw unusable('holds a private key: export the certificates alone');
    return this.certificates;
  }

  private async open(octets: Buffer): Promise<void> {
    const pfx = PFX.fromBER(octets);
    if (pfx.authSafe.contentType !== DATA) throw unusable('is signed instead of having a MAC: export it again');
    if (pfx.macData === undefined) throw unusable('has no MAC: export it again with a password');
    const content = contentOf(pfx.authSafe);
    try {
      await this.checkMac(pfx.macData, content);
      for (const container of AuthenticatedSafe.fromBER(content).safeContents) await this.readContainer(container);
    } finally {
      this.bmpPassword.fill(0);
    }
  }

  private async checkMac(macData: MacData, content: Buffer): Promise<void> {
    const expected = Buffer.from(macData.mac.digest.getValue());
    const salt = Buffer.from(macData.macSalt.getValue());
    const oid = macData.mac.digestAlgorithm.algorithmId;
    // an empty password is written as no octets by some programs, as two zero octets by others
    const forms = [bmpString(this.password)];
    if (this.password.length === 0) forms.push(Buffer.alloc(0));
    for (const form of forms) {
      const derivation = { password: form, salt, rounds: macData.iterations ?? 1 };
      const { digest, key } = await deriveMacKey(oid, derivation, this.budget);
      const actual = createHmac(digest, key).update(content).digest();
      key.fill(0);
      if (actual.length === expected.length && timingSafeEqual(actual, expected)) {
        this.bmpPassword = form;
        return;
      }
      form.fill(0);
    }
    throw unusable('does not open with its password');
  }

  private async readContainer(container: ContentInfo): Promise<void> {
    if (container.contentType === DATA) {
      await this.readBags(contentOf(container));
    } else if (container.contentType === ENCRYPTED_DATA) {
      const { encryptedContentInfo } = new EncryptedData({ schema: container.content });
      const ciphertext = Buffer.from(encryptedContentInfo.getEncryptedContent());
      const algorithm = encryptedContentInfo.contentEncryptionAlgorithm;
      const bags = await this.decrypt(algorithm, ciphertext);
      await this.readBags(bags);
      bags.fill(0);
    } else {
      throw unusable(`has a container of type ${container.contentType}: export it with a password only`);
    }
  }

  private async readBags(octets: Buffer): Promise<void> {
    for (const { bagValue } of SafeContents.fromBER(octets).safeBags) {
      if (++this.bags > this.bagsMax) throw unusable(`has more than ${this.bagsMax} bags: keep only what is needed`);
      if (bagValue instanceof CertBag) {
        this.readCertificate(bagValue);
      } else if (bagValue instanceof PKCS8ShroudedKeyBag) {
        const ciphertext = Buffer.from(bagValue.encryptedData.getValue());
        this.readKey(await this.decrypt(bagValue.encryptionAlgorithm, ciphertext));
      } else if (bagValue instanceof PrivateKeyInfo) {
        this.readKey(Buffer.from(bagValue.toSchema().toBER()));
      }
    }
  }

  private decrypt(algorithm: AlgorithmIdentifier, ciphertext: Buffer): Promise<Buffer> {
    const cipher = findOldCipher(algorithm.algorithmId);
    if (cipher === null) return decryptWithPassword(algorithm, ciphertext, this.password, this.budget);
    if (cipher.open === null) throw unusable(`is encrypted with ${cipher.name}, which is not read: ${this.conversion}`);
    this.oldCipher = cipher.name;
    const { salt, rounds } = parsePbeParameters(algorithm);
    return decryptOld(cipher, { password: this.bmpPassword, salt, rounds }, ciphertext, this.budget);
  }

  private readCertificate(bag: CertBag): void {
    if (bag.certId !== X509_CERTIFICATE || !('getValue' in bag.certValue)) return;
    try {
      this.certificates.push(parseCertificate(Buffer.from(bag.certValue.getValue())));
    } catch (error) {
      throw unusable('has a certificate that cannot be read: export it again', error);
    }
  }

  /** @param pkcs8 wiped here */
  private readKey(pkcs8: Buffer): void {
    try {
      this.keys.push(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
    } catch (error) {
      const missing = findMissingKeyAlgorithm(pkcs8);
      if (missing !== null) throw unusable(`has an ${missing}`, error);
      throw unusable('has a private key that cannot be read: export it again', error);
    } finally {
      pkcs8.fill(0);
    }
  }
}

/** pkcs-12PbeParams (RFC 7292 Appendix C): salt and rounds. */
function parsePbeParameters({ algorithmParams }: AlgorithmIdentifier): { salt: Buffer; rounds: number } {
  const values: unknown = algorithmParams?.valueBlock?.value;
  const [salt, rounds]: unknown[] = Array.isArray(values) ? values : [];
  if (!(salt instanceof OctetString && rounds instanceof Integer))
    throw unusable('has broken parameters: export it again');
  return { salt: Buffer.from(salt.getValue()), rounds: rounds.valueBlock.valueDec };
}

/** The OCTET STRING of id-data, its segments joined. */
function contentOf(container: ContentInfo): Buffer {
  return Buffer.from(container.content.getValue());
}

/** UTF-8 to BMPString with its end mark (RFC 7292 Appendix B.1). */
function bmpString(password: Buffer): Buffer {
  const text = Buffer.from(`${password.toString('utf8')}\0`, 'utf16le');
  return text.swap16();
}

function unusable(problem: string, cause?: unknown): Error {
  return gatewayError('keys.unusable', problem, cause);
}

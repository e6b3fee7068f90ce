/**
 * RecipientInfos and parameters put together from fields that are wrong on purpose (RFC 9629, RFC 5753, RFC 8418, RFC 4055,
 * RFC 8017): each alone, and hundreds of random sets together. Every object gives the reason of one of its faults, and an
 * object without any opens.
 */
import assert from 'node:assert/strict';
import { ECDH } from 'node:crypto';
import fc from 'fast-check';
import {
  der,
  derBitString,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
} from '../../src/asn1/der-writer.ts';
import { AGREEMENT_CURVES } from '../../src/cms/algorithms/key-agreements.ts';
import { HKDF_SHA256, ORI_KEM_OID } from '../../src/cms/algorithms/key-encapsulations.ts';
import { MGF1_OID, RSASSA_PSS_OID } from '../../src/cms/algorithms/signatures.ts';
import { parseAlgorithm } from '../../src/cms/ber-field-reader.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { readOaepParameters } from '../../src/cms/oaep-parameters-reader.ts';
import { failureOf } from '../../src/cms/reader-failure.ts';
import { bufferSource, collect } from '../../src/cms/reopenable-source.ts';
import { readSignatureScheme } from '../../src/cms/signature-scheme-reader.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { at, decode, type Value } from '../interop/noble/asn1.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { encryptContent, profileOf } from '../support/cms-maker.ts';
import {
  algorithmsOf,
  bitString,
  NOTHING,
  namesOf,
  type OddField,
  type Oddity,
  odd,
  originatorKey,
  TRAILS,
  UNREAD_VERSIONS,
  ukmsOf,
  VERSIONS,
  wrappedKeysOf,
} from '../support/odd-recipients.ts';

const CONTENT = Buffer.from('content of an odd message');
const RUNS = 500;
const root = makeAuthority();
const WRAPS = { 256: '2.16.840.1.101.3.4.1.45', 128: '2.16.840.1.101.3.4.1.5', tripleDes: '1.2.840.113549.1.9.16.3.6' };

/** A sound object taken apart, so that another RecipientInfo can stand in it. */
interface Frame {
  readonly info: Value;
  around(recipientInfo: Buffer): Buffer;
}

async function frameOf(to: MadeCertificate): Promise<Frame> {
  const object = await encryptContent(CONTENT, {
    profile: profileOf('modern'),
    recipients: [to],
    entropy: systemEntropy,
  });
  const whole = decode(object);
  const body = at(at(whole, 1), 0);
  const [version, infos, ...rest] = body.children.map((field) => field.whole);
  assert.ok(version && infos);
  return {
    info: at(at(body, 1), 0),
    around: (recipientInfo) =>
      derSequence(at(whole, 0).whole, derContext(0, derSequence(version, der(0x31, recipientInfo), ...rest))),
  };
}

async function outcomeOf(object: Buffer, to: MadeCertificate): Promise<string> {
  const unwrapper = new KeyUnwrapper([{ certificate: to.certificate, key: to.privateKey }]);
  const opened = await openEnvelope(bufferSource(object), { unwrapper });
  if (!opened.ok) return opened.failure.reason;
  return (await collect(opened.release(), 1000))?.equals(CONTENT) === true ? 'opened' : 'other content';
}

/**
 * Each oddity alone among sound fields, then random sets: with one fault its own reason, with several that of one of them.
 * The first of a field is its sound form.
 */
async function prove(fields: readonly OddField[], outcome: (chosen: readonly Oddity[]) => Promise<string> | string) {
  const sound = fields.map(([first]) => first as Oddity);
  for (const [index, field] of fields.entries()) {
    for (const oddity of field) {
      const chosen = sound.map((value, place) => (place === index ? oddity : value));
      assert.equal(await outcome(chosen), oddity.verdict, `field ${index}: ${oddity.name}`);
    }
  }
  const choices = fc.tuple(
    ...fields.map((field) =>
      fc.oneof(
        { weight: 2, arbitrary: fc.constant(field[0] as Oddity) },
        { weight: 1, arbitrary: fc.constantFrom(...field) },
      ),
    ),
  );
  await fc.assert(
    fc.asyncProperty(choices, async (chosen) => {
      const faults = chosen.map(({ verdict }) => verdict).filter((verdict) => verdict !== 'opened');
      const got = await outcome(chosen);
      const named = chosen.map(({ name }) => name).join(' | ');
      assert.ok(faults.length === 0 ? got === 'opened' : (faults as string[]).includes(got), `${got}: ${named}`);
    }),
    { numRuns: RUNS },
  );
}

function octetsOf(chosen: readonly Oddity[]): Buffer[] {
  return chosen.map(({ octets }) => octets);
}

describe('cms: odd RecipientInfos and parameters', function () {
  this.timeout(60_000);

  if (algorithmSupport.has('ml-kem-768')) {
    it('KEMRecipientInfo', async () => {
      const to = makeCertificate(root, { key: 'ml-kem-768', emails: ['k@example.org'] });
      const { info, around } = await frameOf(to);
      const [, rid, , ciphertext, , , , key] = at(info, 1).children;
      assert.ok(rid && ciphertext && key);
      const sized = (octets: number): Buffer => derOctetString(Buffer.alloc(octets, 3));
      const fields: readonly OddField[] = [
        VERSIONS,
        namesOf(rid.whole, to.certificate.subjectKeyIdentifier ?? NOTHING, false),
        algorithmsOf(
          '2.16.840.1.101.3.4.4.2',
          {
            '2.16.840.1.101.3.4.4.1': 'cannot-decrypt',
            '2.16.840.1.101.3.4.4.3': 'cannot-decrypt',
            '1.0.18033.2.2.4': 'unsupported',
          },
          'opened',
        ).concat(odd('with parameters', derSequence(derOid('2.16.840.1.101.3.4.4.2'), derInteger(1)), 'malformed')),
        [
          odd('right', ciphertext.whole, 'opened'),
          ...[0, 1, 32, 768, 1087, 1088, 1089, 1568, 20_000].map((octets) =>
            odd(`${octets} octets`, sized(octets), 'cannot-decrypt'),
          ),
          odd('BIT STRING', derBitString(Buffer.alloc(1088)), 'malformed'),
          odd('missing', NOTHING, 'malformed'),
        ],
        algorithmsOf(
          '1.2.840.113549.1.9.16.3.28',
          {
            '1.2.840.113549.1.9.16.3.29': 'cannot-decrypt',
            '1.2.840.113549.1.9.16.3.30': 'cannot-decrypt',
            '1.3.132.1.11.1': 'unsupported',
          },
          'opened',
        ).concat(odd('HKDF with a salt', derSequence(HKDF_SHA256.subarray(2), sized(8)), 'malformed')),
        [
          odd('32', derInteger(32), 'opened'),
          ...[0, 1, 16, 24, 31, 33, 65_535].map((octets) => odd(`${octets}`, derInteger(octets), 'cannot-decrypt')),
          odd('of 6 octets', der(0x02, Buffer.alloc(6, 0x7f)), 'cannot-decrypt'),
          odd('negative', der(0x02, Buffer.of(0x80)), 'malformed'),
          odd('huge', der(0x02, Buffer.alloc(9, 0x7f)), 'malformed'),
          odd('NULL', derNull(), 'malformed'),
          odd('missing', NOTHING, 'malformed'),
        ],
        ukmsOf(0xa0),
        // what the wrap is written as goes into the key: NULL beside it is another key
        algorithmsOf(
          WRAPS[256],
          { [WRAPS[128]]: 'cannot-decrypt', [WRAPS.tripleDes]: 'cannot-decrypt' },
          'cannot-decrypt',
        ),
        wrappedKeysOf(key.content),
        TRAILS,
      ];
      await prove(fields, (chosen) =>
        outcomeOf(around(der(0xa4, derOid(ORI_KEM_OID), derSequence(...octetsOf(chosen)))), to),
      );
    });
  }

  for (const kind of ['p-256', 'x25519'] as const) {
    it(`KeyAgreeRecipientInfo, ${kind}`, async () => {
      const to = makeCertificate(root, { key: kind, emails: ['a@example.org'] });
      const { info, around } = await frameOf(to);
      const [, originator, , keys] = info.children;
      assert.ok(originator && keys);
      const publicKey = at(at(originator, 0), 1).content.subarray(1);
      const [rid, key] = at(keys, 0).children;
      assert.ok(rid && key);
      const ec = kind === 'p-256';
      const scheme = ec ? '1.3.132.1.11.1' : '1.2.840.113549.1.9.16.3.19';
      const schemes = (name: string, verdict: Oddity['verdict'], ...wrap: Buffer[]): Oddity =>
        odd(`${name} ${wrap.length}`, derSequence(derOid(name), ...wrap), verdict);
      const aes = derSequence(derOid(WRAPS[256]));
      await prove(
        [
          UNREAD_VERSIONS,
          ec ? ecOriginators(publicKey) : montgomeryOriginators(publicKey),
          ukmsOf(0xa1),
          [
            schemes(scheme, 'opened', aes),
            // both forms of the wrap are tried for what is derived from
            schemes('1.3.132.1.11.2', 'cannot-decrypt', aes),
            schemes('1.2.840.113549.1.9.16.3.21', 'cannot-decrypt', aes),
            schemes('1.3.133.16.840.63.0.2', 'cannot-decrypt', aes),
            schemes('1.3.133.16.840.63.0.16', 'unsupported', aes),
            schemes('1.2.840.113549.1.1.7', 'unsupported', aes),
            schemes(scheme, 'malformed'),
            schemes(scheme, 'malformed', derNull()),
            schemes(scheme, 'malformed', aes, aes),
            schemes(scheme, 'cannot-decrypt', derSequence(derOid(WRAPS[128]))),
            schemes(scheme, 'cannot-decrypt', derSequence(derOid(WRAPS.tripleDes), derNull())),
            schemes(scheme, 'unsupported', derSequence(derOid('1.2.3.4'))),
            odd('missing', NOTHING, 'malformed'),
          ],
          namesOf(rid.whole, to.certificate.subjectKeyIdentifier ?? NOTHING, true),
          wrappedKeysOf(key.content),
          TRAILS,
        ],
        (chosen) => {
          const [version, who, ukm, algorithm, name, wrapped, trail] = octetsOf(chosen) as [
            Buffer,
            Buffer,
            Buffer,
            Buffer,
            Buffer,
            Buffer,
            Buffer,
          ];
          const recipients = derSequence(derSequence(name, wrapped, trail));
          return outcomeOf(around(der(0xa1, version, who, ukm, algorithm, recipients)), to);
        },
      );
    });
  }

  it('KeyAgreeRecipientInfo for nobody, and for the same one twice', async () => {
    const to = makeCertificate(root, { key: 'p-256', emails: ['a@example.org'] });
    const { info, around } = await frameOf(to);
    const [version, originator, scheme, keys] = info.children.map(({ whole }) => whole);
    assert.ok(version && originator && scheme && keys);
    const one = at(at(info, 3), 0).whole;
    const wrong = Buffer.from(one);
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
    const with_ = (...list: Buffer[]): Buffer => around(der(0xa1, version, originator, scheme, derSequence(...list)));
    assert.equal(await outcomeOf(with_(), to), 'not-for-me');
    assert.equal(await outcomeOf(with_(one, one), to), 'opened');
    assert.equal(await outcomeOf(with_(wrong, one), to), 'opened');
    assert.equal(await outcomeOf(with_(wrong, wrong), to), 'cannot-decrypt');
  });

  it('RSAES-OAEP-params', async () => {
    const hash = (oid: string, ...parameters: Buffer[]): Buffer => derSequence(derOid(oid), ...parameters);
    const sha256 = '2.16.840.1.101.3.4.2.1';
    const mgf = (...parameters: Buffer[]): Buffer => derSequence(derOid(MGF1_OID), ...parameters);
    const label = (...parameters: Buffer[]): Buffer => derSequence(derOid('1.2.840.113549.1.1.9'), ...parameters);
    await prove(
      [
        [
          odd('SHA-256', derContext(0, hash(sha256, derNull())), 'opened'),
          odd('SHA-256 without NULL', derContext(0, hash(sha256)), 'opened'),
          odd('absent: SHA-1', NOTHING, 'opened'),
          odd('SHA-256 with INTEGER', derContext(0, hash(sha256, derInteger(1))), 'malformed'),
          odd('MD5', derContext(0, hash('1.2.840.113549.2.5', derNull())), 'unsupported'),
          odd('unknown', derContext(0, hash('1.2.3.4')), 'unsupported'),
          odd('twice', Buffer.concat([derContext(0, hash(sha256)), derContext(0, hash(sha256))]), 'malformed'),
          odd('two inside', derContext(0, hash(sha256), hash(sha256)), 'malformed'),
          odd('nothing inside', derContext(0), 'malformed'),
          odd('NULL', derNull(), 'malformed'),
        ],
        [
          odd('MGF1 SHA-256', derContext(1, mgf(hash(sha256, derNull()))), 'opened'),
          odd('absent: MGF1 SHA-1', NOTHING, 'opened'),
          odd('MGF1 alone', derContext(1, mgf()), 'unsupported'),
          odd('MGF1 with NULL', derContext(1, mgf(derNull())), 'malformed'),
          odd('MGF1 SHA-256 with OCTET STRING', derContext(1, mgf(hash(sha256, derOctetString(NOTHING)))), 'malformed'),
          odd('MGF1 of MD5', derContext(1, mgf(hash('1.2.840.113549.2.5'))), 'unsupported'),
          odd('another', derContext(1, hash(sha256)), 'unsupported'),
          odd(
            'twice',
            Buffer.concat([derContext(1, mgf(hash(sha256))), derContext(1, mgf(hash(sha256)))]),
            'malformed',
          ),
        ],
        [
          odd('absent', NOTHING, 'opened'),
          odd('label', derContext(2, label(derOctetString(Buffer.from('x')))), 'opened'),
          odd('label of no octets', derContext(2, label(derOctetString(NOTHING))), 'opened'),
          odd('label missing', derContext(2, label()), 'unsupported'),
          odd('label an INTEGER', derContext(2, label(derInteger(1))), 'malformed'),
          odd('another source', derContext(2, hash('1.2.3.4', derOctetString(NOTHING))), 'unsupported'),
          odd('a fourth field', derContext(3, derSequence(derOid('1.2.3.4'))), 'malformed'),
        ],
      ],
      (chosen) =>
        verdictOf(() =>
          readOaepParameters(
            parseAlgorithm(derSequence(derOid('1.2.840.113549.1.1.7'), derSequence(...octetsOf(chosen)))),
          ),
        ),
    );
    for (const whole of [derNull(), derOctetString(NOTHING), derInteger(0), der(0x31)]) {
      const read = () => readOaepParameters(parseAlgorithm(derSequence(derOid('1.2.840.113549.1.1.7'), whole)));
      assert.equal(verdictOf(read), 'malformed');
    }
  });

  it('RSASSA-PSS-params', async () => {
    const sha256 = '2.16.840.1.101.3.4.2.1';
    const hash = (oid: string, ...parameters: Buffer[]): Buffer => derSequence(derOid(oid), ...parameters);
    const mgf = (...parameters: Buffer[]): Buffer => derSequence(derOid(MGF1_OID), ...parameters);
    await prove(
      [
        [
          odd('SHA-256', derContext(0, hash(sha256, derNull())), 'opened'),
          odd('SHA-256 without NULL', derContext(0, hash(sha256)), 'opened'),
          odd('SHA-512, MGF1 of another', derContext(0, hash('2.16.840.1.101.3.4.2.3')), 'unsupported'),
          odd('SHAKE', derContext(0, hash('2.16.840.1.101.3.4.2.12')), 'unsupported'),
          odd('unknown', derContext(0, hash('1.2.3.4')), 'unsupported'),
          odd('with INTEGER', derContext(0, hash(sha256, derInteger(1))), 'malformed'),
          odd('twice', Buffer.concat([derContext(0, hash(sha256)), derContext(0, hash(sha256))]), 'malformed'),
          odd('two inside', derContext(0, hash(sha256), derNull()), 'malformed'),
          odd('untagged', hash(sha256), 'malformed'),
        ],
        [
          odd('MGF1 SHA-256', derContext(1, mgf(hash(sha256, derNull()))), 'opened'),
          odd('MGF1 SHA-384', derContext(1, mgf(hash('2.16.840.1.101.3.4.2.2'))), 'unsupported'),
          odd('MGF1 alone: SHA-1', derContext(1, mgf()), 'unsupported'),
          odd('another', derContext(1, hash('1.2.3.4')), 'unsupported'),
          odd('MGF1 with NULL', derContext(1, mgf(derNull())), 'malformed'),
          odd('nothing inside', derContext(1), 'malformed'),
        ],
        [
          ...[32, 0, 20, 64, 512].map((octets) => odd(`salt ${octets}`, derContext(2, derInteger(octets)), 'opened')),
          odd('absent: 20', NOTHING, 'opened'),
          odd('salt 513', derContext(2, derInteger(513)), 'malformed'),
          odd('salt negative', derContext(2, der(0x02, Buffer.of(0xff))), 'malformed'),
          odd('salt of 12 octets', derContext(2, der(0x02, Buffer.alloc(12, 1))), 'malformed'),
          odd('salt twice inside', derContext(2, derInteger(32), derInteger(32)), 'malformed'),
          odd('salt a string', derContext(2, derOctetString(Buffer.of(32))), 'malformed'),
          odd('nothing inside', derContext(2), 'malformed'),
        ],
        [
          odd('absent: 1', NOTHING, 'opened'),
          odd('1', derContext(3, derInteger(1)), 'opened'),
          odd('2', derContext(3, derInteger(2)), 'unsupported'),
          odd('1 twice inside', derContext(3, derInteger(1), derInteger(1)), 'malformed'),
          odd('a fifth field', derContext(4, derInteger(1)), 'malformed'),
        ],
      ],
      (chosen) =>
        verdictOf(() =>
          readSignatureScheme(
            parseAlgorithm(derSequence(derOid(RSASSA_PSS_OID), derSequence(...octetsOf(chosen)))),
            'sha256',
          ),
        ),
    );
    // all defaults: SHA-1 throughout, which is called weak where it is used
    const defaults = readSignatureScheme(parseAlgorithm(derSequence(derOid(RSASSA_PSS_OID), derSequence())), 'sha256');
    assert.deepEqual([defaults.hash, defaults.options.saltLength], ['sha1', 20]);
    for (const parameters of [[], [derNull()], [derOctetString(NOTHING)], [derSequence(), derSequence()]]) {
      const read = () =>
        readSignatureScheme(parseAlgorithm(derSequence(derOid(RSASSA_PSS_OID), ...parameters)), 'sha256');
      assert.equal(verdictOf(read), 'malformed');
    }
  });
});

/** A failure that states no reason is thrown on: it is a defect. */
function verdictOf(read: () => unknown): string {
  try {
    read();
    return 'opened';
  } catch (thrown) {
    return failureOf(thrown).reason;
  }
}

function ecOriginators(point: Buffer): OddField {
  const ec = derOid('1.2.840.10045.2.1');
  const p256 = derOid(AGREEMENT_CURVES['P-256'].oid);
  const compressed = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'compressed') as Buffer;
  const hybrid = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'hybrid') as Buffer;
  const off = Buffer.from(point);
  off[64] = (off[64] ?? 0) ^ 1;
  const key = (name: string, bits: Buffer, verdict: Oddity['verdict'], algorithm = derSequence(ec)): Oddity =>
    odd(name, originatorKey(algorithm, bits), verdict);
  return [
    key('sound', bitString(point), 'opened'),
    key('with the curve', bitString(point), 'opened', derSequence(ec, p256)),
    key('with NULL', bitString(point), 'opened', derSequence(ec, derNull())),
    key('compressed', bitString(compressed), 'opened'),
    key('hybrid', bitString(hybrid), 'cannot-decrypt'),
    key('off the curve', bitString(off), 'cannot-decrypt'),
    key('at infinity', bitString(Buffer.of(0)), 'cannot-decrypt'),
    key('no octets', bitString(NOTHING), 'cannot-decrypt'),
    key('too short', bitString(point.subarray(0, 64)), 'cannot-decrypt'),
    key('too long', bitString(Buffer.concat([point, Buffer.of(0)])), 'cannot-decrypt'),
    key('all FF', bitString(Buffer.alloc(65, 0xff)), 'cannot-decrypt'),
    key('another curve', bitString(point), 'cannot-decrypt', derSequence(ec, derOid('1.3.132.0.34'))),
    key('X25519', bitString(Buffer.alloc(32, 9)), 'cannot-decrypt', derSequence(derOid('1.3.101.110'))),
    ...originatorFaults(bitString(point), derSequence(ec)),
  ];
}

function montgomeryOriginators(raw: Buffer): OddField {
  const x25519 = derSequence(derOid('1.3.101.110'));
  const key = (name: string, bits: Buffer, verdict: Oddity['verdict'], algorithm = x25519): Oddity =>
    odd(name, originatorKey(algorithm, bits), verdict);
  return [
    key('sound', bitString(raw), 'opened'),
    // TRAP RFC 8418 §3.1: not an OCTET STRING inside
    key('OCTET STRING inside', bitString(derOctetString(raw)), 'cannot-decrypt'),
    // small order: the shared secret is zero
    key('zero', bitString(Buffer.alloc(32)), 'cannot-decrypt'),
    key('one', bitString(Buffer.concat([Buffer.of(1), Buffer.alloc(31)])), 'cannot-decrypt'),
    key('31 octets', bitString(raw.subarray(1)), 'cannot-decrypt'),
    key('33 octets', bitString(Buffer.concat([raw, Buffer.of(0)])), 'cannot-decrypt'),
    key('X448', bitString(Buffer.alloc(56, 9)), 'cannot-decrypt', derSequence(derOid('1.3.101.111'))),
    key('EC', bitString(Buffer.alloc(65, 4)), 'cannot-decrypt', derSequence(derOid('1.2.840.10045.2.1'))),
    ...originatorFaults(bitString(raw), x25519),
  ];
}

function originatorFaults(bits: Buffer, algorithm: Buffer): OddField {
  return [
    odd('unused bits', originatorKey(algorithm, bitString(Buffer.alloc(65, 4), 3)), 'malformed'),
    odd('OCTET STRING', originatorKey(algorithm, derOctetString(Buffer.alloc(65, 4))), 'malformed'),
    odd('a field too many', derContext(0, derContext(1, algorithm, bits, derNull())), 'malformed'),
    odd('two originators', derContext(0, derContext(1, algorithm, bits), derContext(1, algorithm, bits)), 'malformed'),
    odd('no algorithm', derContext(0, derContext(1, bits)), 'malformed'),
    odd('empty', derContext(0), 'malformed'),
    odd('a certificate not known', derContext(0, der(0x80, Buffer.alloc(20, 1))), 'cannot-decrypt'),
    odd('missing', NOTHING, 'malformed'),
  ];
}

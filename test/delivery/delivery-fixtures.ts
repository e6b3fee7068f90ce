/** Deliveries for the tests of this room: clear copies, encrypted copies made by the cms room, and a courier to a sink. */
import { createHash } from 'node:crypto';
import { der, derSequence } from '../../src/asn1/der-writer.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { PROFILES } from '../../src/cms/profile.ts';
import { recipientIdentifier } from '../../src/cms/recipient-identifiers.ts';
import type { DeliveryOptions, RouteOptions } from '../../src/delivery/route-options.ts';
import { openCourier, type SmtpCourier } from '../../src/delivery/smtp-courier.ts';
import type { Delivery, RecipientOutcome } from '../../src/queue/queue.ts';
import { type QueueGroup, type QueueRecord, RECORD_FORMAT } from '../../src/queue/record.ts';
import { type MadeCertificate, makeCertificate } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';
import { type SinkOptions, type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

export const CLEAR_MARK = 'the-secret-of-the-message';
export const CLEAR_HEADER = 'From: anna@example.org\r\nTo: bob@partner.example\r\nSubject: hello\r\n';
export const ENVELOPED_HEADER = `${CLEAR_HEADER}MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n`;

export interface DeliveryOverrides {
  readonly record?: Partial<QueueRecord>;
  readonly recipients?: readonly string[];
  readonly openBody?: () => AsyncIterable<Buffer>;
  readonly bodyBytes?: number;
  readonly attempt?: number;
}

/** A copy in clear for these recipients, allowed to be clear. */
export function clearGroup(addresses: readonly string[], changes: Partial<QueueGroup> = {}): QueueGroup {
  return {
    protection: 'may-be-clear',
    stage: 'ready',
    route: 'outside',
    recipients: addresses.map((address) => ({ address, certificateSha256: null, orcpt: null, notify: null })),
    header: CLEAR_HEADER,
    content: { kind: 'clear', bodyIndex: 0, eightBit: false },
    treatment: 'as it came',
    ...changes,
  };
}

export interface SealedGroup {
  readonly group: QueueGroup;
  readonly ciphertext: Buffer;
}

/** A copy encrypted for these people, with the ciphertext that the queue would hold. */
export function sealedGroup(
  people: Readonly<Record<string, MadeCertificate>>,
  entity: Buffer,
  profile = PROFILES['default'],
): SealedGroup {
  if (profile === undefined) throw new Error('no default profile');
  const encryptor = new ContentEncryptor(profile, new CountingEntropy());
  const ciphertext = Buffer.concat([encryptor.update(entity), encryptor.final()]);
  const certificates = Object.values(people).map((made) => made.certificate);
  const recipientInfos = encryptor.recipientInfos(certificates);
  const contentEncryption = encryptor.algorithm;
  const tag = encryptor.tag();
  encryptor.destroy();
  const group: QueueGroup = {
    protection: 'must-encrypt',
    stage: 'ready',
    route: 'outside',
    recipients: Object.entries(people).map(([address, made]) => ({
      address,
      certificateSha256: createHash('sha256').update(made.der).digest('hex'),
      orcpt: null,
      notify: null,
    })),
    header: ENVELOPED_HEADER,
    content: {
      kind: 'enveloped',
      bodyIndex: 0,
      ciphertextBytes: ciphertext.length,
      contentEncryption: contentEncryption.toString('base64'),
      recipientInfos: recipientInfos.toString('base64'),
      ...(tag === null ? {} : { tag: tag.toString('base64') }),
      expectedRecipients: certificates.map((certificate) =>
        recipientIdentifier(certificate, profile).der.toString('base64'),
      ),
    },
    treatment: 'encrypted (test)',
  };
  return { group, ciphertext };
}

export function makeRecord(groups: readonly QueueGroup[], changes: Partial<QueueRecord> = {}): QueueRecord {
  return {
    format: RECORD_FORMAT,
    traceId: 'trace1',
    direction: 'outbound',
    receivedAt: Date.UTC(2026, 10, 5, 10, 0, 0),
    reversePath: 'anna@example.org',
    configuration: 'c1',
    body: '7BIT',
    envid: null,
    ret: null,
    smtpUtf8: false,
    reportHeader: 'From: anna@example.org\r\nTo: bob@partner.example\r\nSubject: hello\r\n',
    groups,
    ...changes,
  };
}

/** A delivery of that group; `body` is what `openBody` gives, in chunks of 64 KiB. */
export function makeDelivery(group: QueueGroup, body: Buffer, overrides: DeliveryOverrides = {}): Delivery {
  return {
    queueId: 'q1',
    record: makeRecord([group], overrides.record),
    groupIndex: 0,
    group,
    recipients: overrides.recipients ?? group.recipients.map((recipient) => recipient.address),
    attempt: overrides.attempt ?? 1,
    openBody: overrides.openBody ?? (() => chunksOf(body)),
    ...(overrides.bodyBytes === undefined ? {} : { bodyBytes: overrides.bodyBytes }),
  };
}

/** That buffer in pieces of at most `size` octets. */
export async function* chunksOf(body: Buffer, size = 65536): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

export async function collect(octets: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of octets) pieces.push(piece);
  return Buffer.concat(pieces);
}

export type OptionChanges = Partial<Omit<DeliveryOptions, 'routes'>> & { readonly outside?: Partial<RouteOptions> };

/** Both routes lead to that port of the loopback interface; time-outs are short. */
export function optionsTo(port: number, changes: OptionChanges = {}): DeliveryOptions {
  const { outside, ...rest } = changes;
  const route: RouteOptions = { host: '127.0.0.1', port, tls: 'none', ca: null };
  return {
    hostname: 'gate.example.org',
    ours: ['example.org'],
    routes: { internal: route, outside: { ...route, ...outside } },
    connectionsPerRoute: 4,
    messagesPerConnection: 100,
    connectTimeoutMs: 400,
    replyTimeoutMs: 150,
    ...rest,
  };
}

/** A sink and a courier to it for one test; both are closed at its end. */
export async function withSink<T>(
  options: SinkOptions,
  changes: OptionChanges,
  test: (courier: SmtpCourier, sink: SmtpSink) => Promise<T>,
): Promise<T> {
  const sink = await startSmtpSink(options);
  const courier = openCourier(optionsTo(sink.port, changes));
  try {
    return await test(courier, sink);
  } finally {
    await courier.close();
    await sink.close();
  }
}

/** `result code enhanced`, with `ambiguous` where it is, for each outcome. */
export function inShort(outcomes: readonly RecipientOutcome[]): string[] {
  return outcomes.map(
    ({ result, reply, ambiguous }) => `${result} ${reply.code} ${reply.enhanced}${ambiguous ? ' ambiguous' : ''}`,
  );
}

export const NEVER = new AbortController().signal;

/** A certificate for a TLS server on 127.0.0.1, as the next hop has one. */
export function serverCertificate(ca: MadeCertificate, address = '127.0.0.1'): MadeCertificate {
  const iPAddress = der(0x87, Buffer.from(address.split('.').map(Number)));
  return makeCertificate(ca, {
    name: 'next hop',
    extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'],
    extraExtensions: [{ oid: '2.5.29.17', critical: false, value: derSequence(iPAddress) }],
  });
}

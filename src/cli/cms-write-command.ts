/**
 * `sealgate cms sign`, `encrypt` and `seal`: from a message, or any octets, to CMS, in one pass and constant memory.
 *
 * In S/MIME form the input is a message or MIME entity: its Content-* fields and body are protected, its other fields
 * stay outside. In DER and PEM form sign and encrypt take any octets as they are; seal always takes an entity.
 */

import { startDigest } from '../cms/algorithms/digests.ts';
import { SIGNATURES } from '../cms/algorithms/signatures.ts';
import { ContentEncryptor } from '../cms/content-encryptor.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import { signedAttributes, signedDataDetached } from '../cms/signed-data-writer.ts';
import type { Signer } from '../cms/signer.ts';
import { streamSignedData } from '../cms/streamed-signed-data-writer.ts';
import { systemEntropy } from '../keys/system-entropy.ts';
import { AUTH_ENVELOPED_FIELDS, ENVELOPED_FIELDS, OPAQUE_FIELDS } from '../smime/content-fields.ts';
import type { CmsForm } from '../smime/open-cms.ts';
import { openEntity } from '../smime/open-entity.ts';
import { envelopedContent, type OutgoingContent, signedContent } from '../smime/outgoing-content.ts';
import { SigningUnit } from '../smime/signing-unit.ts';
import type { Certificate } from '../x509/certificate.ts';
import { inForm } from './cms-form.ts';
import { openInput } from './cms-input.ts';
import { type CmsOutput, openOutput } from './cms-output.ts';
import { readRecipients, readSigner, type SignerOptions } from './cms-parties.ts';
import { chooseProfile, type ProfileOptions } from './cms-profile.ts';
import { sayStop } from './cms-stop.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export interface CmsFileOptions {
  readonly in?: string;
  readonly out?: string;
  readonly form: CmsForm;
}

export interface SignOptions extends CmsFileOptions, SignerOptions, ProfileOptions {
  readonly opaque?: boolean;
}

export interface EncryptOptions extends CmsFileOptions, ProfileOptions {
  readonly recipient: readonly string[];
}

export type SealOptions = SignOptions & EncryptOptions;

const NOTHING = Buffer.alloc(0);

export function cmsSign(options: SignOptions, terminal: Terminal): Promise<ExitCode> {
  return write(options, terminal, async () => {
    const profile = chooseProfile(options);
    const signer = await readSigner(options, profile, terminal);
    return async function* (octets) {
      const now = new Date();
      const signing = { signer, profile, signingTime: now };
      if (options.form !== 'smime') {
        const object = options.opaque === true ? streamSignedData(signing, octets) : detached(signing, octets);
        yield* inForm(options.form, NOTHING, object);
        return;
      }
      const entity = await openEntity(octets);
      if (options.opaque === true) {
        const fields = Buffer.concat([entity.outer, OPAQUE_FIELDS]);
        yield* inForm('smime', fields, streamSignedData(signing, entity.content(false)));
        return;
      }
      const unit = new SigningUnit(signer, profile, systemEntropy);
      const lead = Buffer.concat([entity.outer, unit.frame.messageFields, Buffer.from('\r\n')]);
      yield* await signedContent(unit, entity.content(true), lead, now);
    };
  });
}

export function cmsEncrypt(options: EncryptOptions, terminal: Terminal): Promise<ExitCode> {
  return write(options, terminal, async () => {
    const profile = chooseProfile(options);
    const recipients = await readRecipients(options.recipient, profile, terminal);
    return async function* (octets) {
      if (options.form !== 'smime') {
        yield* enveloped(options.form, NOTHING, { profile, recipients }, octets);
        return;
      }
      const entity = await openEntity(octets);
      yield* enveloped('smime', entity.outer, { profile, recipients }, entity.content(false));
    };
  });
}

export function cmsSeal(options: SealOptions, terminal: Terminal): Promise<ExitCode> {
  return write(options, terminal, async () => {
    const profile = chooseProfile(options);
    const signer = await readSigner(options, profile, terminal);
    const recipients = await readRecipients(options.recipient, profile, terminal);
    return async function* (octets) {
      const entity = await openEntity(octets);
      const unit = new SigningUnit(signer, profile, systemEntropy);
      const content = await signedContent(unit, entity.content(true), unit.frame.innerHeader, new Date());
      yield* enveloped(options.form, entity.outer, { profile, recipients }, content);
    };
  });
}

type Writing = (octets: AsyncIterable<Buffer>) => AsyncGenerator<Buffer, void, undefined>;

/** Everything is read and judged before anything is written. */
async function write(options: CmsFileOptions, terminal: Terminal, prepare: () => Promise<Writing>): Promise<ExitCode> {
  let output: CmsOutput | null = null;
  try {
    const writing = await prepare();
    const input = await openInput(options.in, false, terminal);
    try {
      output = openOutput(options.out, 0o666, terminal);
      for await (const octets of writing(input.source.open())) await output.write(octets);
      output.keep();
      return EXIT.ok;
    } finally {
      await input.close();
    }
  } catch (thrown) {
    return sayStop(thrown, terminal);
  } finally {
    output?.drop();
  }
}

interface Encryption {
  readonly profile: CryptoProfile;
  readonly recipients: readonly Certificate[];
}

async function* enveloped(
  form: CmsForm,
  outer: Buffer,
  { profile, recipients }: Encryption,
  content: OutgoingContent,
): AsyncGenerator<Buffer, void, undefined> {
  const encryptor = new ContentEncryptor(profile, systemEntropy);
  const infos = encryptor.recipientInfos(recipients);
  const fields = encryptor.envelope === 'authEnveloped' ? AUTH_ENVELOPED_FIELDS : ENVELOPED_FIELDS;
  yield* inForm(form, Buffer.concat([outer, fields]), envelopedContent(encryptor, infos, content));
}

async function* detached(
  { signer, profile, signingTime }: { signer: Signer; profile: CryptoProfile; signingTime: Date },
  content: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = startDigest(SIGNATURES[signer.algorithm].digest);
  for await (const chunk of content) hash.update(chunk);
  const attributes = signedAttributes({ digest: hash.digest(), signer, signingTime, profile });
  yield signedDataDetached({ signer, attributes, signature: await signer.sign(attributes), profile });
}

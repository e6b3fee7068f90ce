/**
 * `sealgate cms decrypt`: opens EnvelopedData, AuthEnvelopedData (RFC 5652 §6, RFC 5083) and CompressedData (RFC 3274).
 * Two readings: the first proves tag or padding and the whole structure, the second writes. Nothing unproven is written.
 */
import { openCompressedData } from '../cms/compressed-data-reader.ts';
import { recogniseContent } from '../cms/content-info-reader.ts';
import { openEnvelope } from '../cms/enveloped-data-reader.ts';
import type { CmsFailure } from '../cms/reader-failure.ts';
import type { ReaderPolicy } from '../cms/reader-policy.ts';
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import { firstOf, type Unwrapper } from '../cms/unwrapper.ts';
import { passwordUnwrapper } from '../keys/password-unwrapper.ts';
import { findCms } from '../smime/open-cms.ts';
import { type CmsInput, openInput } from './cms-input.ts';
import { readCertificates, readPassword } from './cms-keys.ts';
import { type CmsOutput, openOutput } from './cms-output.ts';
import { CmsStop, sayStop } from './cms-stop.ts';
import { policyOf } from './cms-tolerances.ts';
import { readUnwrapper } from './cms-unwrapper.ts';
import type { CmsFileOptions } from './cms-write-command.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export interface DecryptOptions extends CmsFileOptions {
  readonly key?: string;
  readonly cert?: string;
  readonly passwordFile?: string;
  readonly messagePassword?: string;
  readonly allow?: readonly string[];
}

/** Octets of content that CompressedData may grow to. */
const INFLATED_OCTETS_MAX = 4 * 1024 * 1024 * 1024;

export async function cmsDecrypt(options: DecryptOptions, terminal: Terminal): Promise<ExitCode> {
  let input: CmsInput | null = null;
  let output: CmsOutput | null = null;
  try {
    const policy = policyOf(options.allow);
    input = await openInput(options.in, true, terminal);
    const { object, content } = await findCms(input.source, options.form);
    if (content !== null)
      throw new CmsStop(EXIT.data, 'this is signed and not encrypted', 'sealgate cms verify reads it');
    const opened = await open(object, options, policy);
    output = openOutput(options.out, 0o600, terminal);
    for await (const octets of opened.release()) await output.write(octets);
    output.keep();
    opened.close();
    return EXIT.ok;
  } catch (thrown) {
    return sayStop(thrown, terminal);
  } finally {
    output?.drop();
    await input?.close();
  }
}

interface Opened {
  release(): AsyncIterable<Buffer>;
  close(): void;
}

async function open(object: ReopenableSource, options: DecryptOptions, policy: ReaderPolicy): Promise<Opened> {
  const kind = await recogniseContent(object);
  if (kind.ok && kind.type === 'signedData') {
    throw new CmsStop(EXIT.data, 'this is signed and not encrypted', 'sealgate cms verify reads it');
  }
  if (kind.ok && kind.type === 'compressedData') {
    const inflated = await openCompressedData(object, { octetsMax: INFLATED_OCTETS_MAX, policy });
    if (!inflated.ok) throw failureStop(inflated.failure);
    return { release: () => inflated.release(), close: () => {} };
  }
  const unwrapper = await chooseUnwrapper(object, options);
  const opened = await openEnvelope(object, { unwrapper, policy });
  if (!opened.ok) throw failureStop(opened.failure);
  return opened;
}

async function chooseUnwrapper(object: ReopenableSource, options: DecryptOptions): Promise<Unwrapper> {
  const unwrappers: Unwrapper[] = [];
  if (options.key !== undefined) {
    const certificates = options.cert === undefined ? [] : await readCertificates(options.cert);
    unwrappers.push(await readUnwrapper(object, options.key, certificates, await readPassword(options.passwordFile)));
  }
  const password = await readPassword(options.messagePassword);
  if (password !== null) unwrappers.push(passwordUnwrapper(password));
  if (unwrappers.length === 0) throw new CmsStop(EXIT.usage, 'nothing opens it', '--key names a private key');
  return firstOf(unwrappers);
}

/** Not for this key, or not to be opened: 1. Not what it should be: 65. */
export function failureStop({ reason, detail }: CmsFailure): CmsStop {
  const broken = reason === 'malformed' || reason === 'limit' || reason === 'wrong-content-type';
  return new CmsStop(broken ? EXIT.data : EXIT.no, `${reason}: ${detail}`, FAILURE_HINTS[reason] ?? null);
}

const WHOSE = 'sealgate cms show names the recipients, and --cert says which of them the key is';
const FAILURE_HINTS: Readonly<Partial<Record<CmsFailure['reason'], string>>> = {
  'refused-by-policy': '--allow takes what is old or weak, by name',
  'not-for-me': WHOSE,
  'cannot-decrypt': `another key, or a message that was changed: ${WHOSE}`,
};

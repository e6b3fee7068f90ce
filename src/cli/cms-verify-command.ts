/**
 * `sealgate cms verify`: judges SignedData (RFC 5652 §5, standards 2.3), then writes the signed content if it is valid.
 * Two readings: the first judges, the second writes. The verdict goes to standard error, the content to standard output.
 *
 * What it does not look at: revocation, and whether the signer's address is that of From. Both need more than a message.
 */
import type { ReaderPolicy } from '../cms/reader-policy.ts';
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import { unprovenContent } from '../cms/signed-data-reader.ts';
import { type SeenContent, type SignedResult, verifySignedData } from '../cms/verification.ts';
import type { CertificateJudge } from '../cms/verification-signer.ts';
import { type FoundCms, findCms, hasBareLineEnds, withLineEnds } from '../smime/open-cms.ts';
import { type CmsInput, openInput } from './cms-input.ts';
import { type CmsOutput, openOutput } from './cms-output.ts';
import { CmsStop, sayStop } from './cms-stop.ts';
import { policyOf } from './cms-tolerances.ts';
import { judgeOf, readTrust } from './cms-trust.ts';
import { type CmsVerdict, formatVerdict, verdictOf } from './cms-verdict.ts';
import type { CmsFileOptions } from './cms-write-command.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface VerifyOptions extends CmsFileOptions {
  readonly trust: string;
  readonly content?: string;
  readonly at?: string;
  readonly outputAnyway?: boolean;
  readonly allow?: readonly string[];
  readonly json?: boolean;
}

export async function cmsVerify(options: VerifyOptions, terminal: Terminal): Promise<ExitCode> {
  const inputs: CmsInput[] = [];
  let output: CmsOutput | null = null;
  try {
    const policy = policyOf(options.allow);
    const judge = judgeOf(await readTrust(options.trust), timeOf(options.at));
    const input = await openInput(options.in, true, terminal);
    inputs.push(input);
    const found = await findCms(input.source, options.form);
    const content = await contentOf(found, options.content, inputs, terminal);
    const judged = await judgeContent(found.object, content, found.seen, { judge, policy });
    const code = say(judged, options, terminal);
    const octets = released(judged, found.object, options.outputAnyway === true);
    if (octets !== null) {
      output = openOutput(options.out, 0o600, terminal);
      for await (const part of octets) await output.write(part);
      output.keep();
    }
    return code;
  } catch (thrown) {
    return sayEnd(thrown, options, terminal);
  } finally {
    output?.drop();
    for (const input of inputs) await input.close();
  }
}

interface Judged {
  readonly result: SignedResult;
  /** What the signature is of, where that is not inside. */
  readonly content: ReopenableSource | null;
  /** The signature is right only with line ends changed back to CRLF. */
  readonly repaired: boolean;
}

async function contentOf(
  found: FoundCms,
  file: string | undefined,
  inputs: CmsInput[],
  terminal: Terminal,
): Promise<ReopenableSource | null> {
  if (file === undefined) return found.content;
  if (found.content !== null)
    throw new CmsStop(EXIT.usage, 'the message brings its content: --content is one too many');
  const input = await openInput(file, true, terminal);
  inputs.push(input);
  return input.source;
}

/** A message that lost its CRs on the way, to a file mostly, is judged with them too (standards 1.1). */
async function judgeContent(
  object: ReopenableSource,
  content: ReopenableSource | null,
  seen: SeenContent | null,
  rules: { readonly judge: CertificateJudge; readonly policy: ReaderPolicy },
): Promise<Judged> {
  const result = await verifySignedData(object, { content, seen, ...rules });
  const changed = result.ok && result.signers.some(({ reason }) => reason === 'digest-mismatch');
  if (content === null || !changed || !(await hasBareLineEnds(content))) return { result, content, repaired: false };
  const crlf = withLineEnds(content);
  const again = await verifySignedData(object, { content: crlf, ...rules });
  const better = again.ok && again.signers.every(({ reason }) => reason !== 'digest-mismatch');
  return better ? { result: again, content: crlf, repaired: true } : { result, content, repaired: false };
}

function released(
  { result, content }: Judged,
  object: ReopenableSource,
  anyway: boolean,
): AsyncIterable<Buffer> | null {
  if (!result.ok) return null;
  if (result.valid) return result.release(true);
  if (!anyway) return null;
  return content === null ? unprovenContent(object) : content.open();
}

function say({ result, repaired }: Judged, { json, form }: VerifyOptions, terminal: Terminal): ExitCode {
  const verdict = verdictOf(result, repaired);
  if (json === true) terminal.verdict(formatJson(verdict));
  else for (const line of formatVerdict(verdict)) terminal.say(line);
  if (verdict.valid) return EXIT.ok;
  const broken = !result.ok && ['malformed', 'limit', 'wrong-content-type'].includes(result.failure.reason);
  if (json !== true) for (const hint of hintsFor(verdict, broken, form)) terminal.hint(hint);
  return broken ? EXIT.data : EXIT.no;
}

function hintsFor({ reason, detail }: CmsVerdict, broken: boolean, form: string): string[] {
  if (reason === 'content-missing') return ['--content FILE is what the signature is of'];
  if (reason === 'wrong-content-type' && /(enveloped|compressed|encrypted)data/i.test(detail ?? ''))
    return ['sealgate cms decrypt opens it'];
  return broken ? [`it was read as --form ${form}`] : [];
}

/** With `--json` every end has a verdict, so that whoever reads it needs no second way. */
function sayEnd(thrown: unknown, { json }: VerifyOptions, terminal: Terminal): ExitCode {
  if (json !== true) return sayStop(thrown, terminal);
  const words: string[] = [];
  const quiet: Terminal = { ...terminal, say: (text) => void words.push(text), hint: () => {} };
  const code = sayStop(thrown, quiet);
  terminal.verdict(formatJson({ valid: false, reason: 'unreadable', detail: words.join('; '), signers: [] }));
  return code;
}

function timeOf(text: string | undefined): Date {
  if (text === undefined) return new Date();
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) ? new Date(text) : null;
  if (time === null || Number.isNaN(time.getTime())) {
    throw new CmsStop(EXIT.usage, `--at ${text} is no time`, 'such as 2026-11-24 or 2026-11-24T12:00:00Z');
  }
  return time;
}

/** What ends a `sealgate cms` command early with words for people; and the exit code of everything else that may. */
import { GatewayError } from '../errors.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { fileTrouble } from './file-trouble.ts';
import type { Terminal } from './terminal.ts';

/** An expected end: said, and the process ends with `code`. Never leaves `cli/`. */
export class CmsStop extends Error {
  readonly code: ExitCode;
  readonly hint: string | null;

  constructor(code: ExitCode, problem: string, hint: string | null = null) {
    super(problem);
    this.code = code;
    this.hint = hint;
  }
}

/** Says why a command ended. @throws what is a defect */
export function sayStop(thrown: unknown, terminal: Terminal): ExitCode {
  if (thrown instanceof CmsStop) {
    terminal.say(thrown.message);
    if (thrown.hint !== null) terminal.hint(thrown.hint);
    return thrown.code;
  }
  if (thrown instanceof GatewayError && thrown.code !== 'defect') {
    terminal.say(thrown.detail);
    const hint = hintFor(thrown);
    if (hint !== null) terminal.hint(hint);
    return thrown.code === 'cms.source-changed' || thrown.code === 'crypto.failed' ? EXIT.temporary : EXIT.data;
  }
  if (thrown instanceof Error && 'syscall' in thrown && 'code' in thrown) {
    // nobody reads what is written any more: there is no one to tell
    if (thrown.code === 'EPIPE') return EXIT.temporary;
    const named = 'path' in thrown && typeof thrown.path === 'string';
    terminal.say(named ? `${thrown.path} cannot be read: ${fileTrouble(thrown)}` : thrown.message);
    return named ? EXIT.noInput : EXIT.temporary;
  }
  throw thrown;
}

/** Of a message that is S/MIME and broken, another form would make nothing better. */
function hintFor({ code, detail }: GatewayError): string | null {
  if (code === 'message.not-convertible')
    return '--opaque puts the content inside the signature, where it may stay as it is';
  const broken = /^(multipart\/signed|base64|text behind|PEM block)/.test(detail);
  return code === 'message.malformed' && !broken
    ? '--form der and --form pem take any octets, --form smime a message or MIME entity'
    : null;
}

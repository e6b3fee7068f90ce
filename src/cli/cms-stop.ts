/** What ends a `sealgate cms` command early with words for people; and the exit code of everything else that may. */
import { GatewayError } from '../errors.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
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
    const hint = HINTS[thrown.code];
    if (hint !== undefined) terminal.hint(hint);
    return thrown.code === 'cms.source-changed' || thrown.code === 'crypto.failed' ? EXIT.temporary : EXIT.data;
  }
  if (thrown instanceof Error && 'syscall' in thrown && 'code' in thrown) {
    // nobody reads what is written any more: there is no one to tell
    if (thrown.code === 'EPIPE') return EXIT.temporary;
    terminal.say(thrown.message);
    return 'path' in thrown ? EXIT.noInput : EXIT.temporary;
  }
  throw thrown;
}

const HINTS: Readonly<Partial<Record<GatewayError['code'], string>>> = {
  'message.malformed': '--form der and --form pem take any octets, --form smime a message or MIME entity',
  'message.not-convertible': '--opaque puts the content inside the signature, where it may stay as it is',
};

/** `sealgate login hash`: a password on standard input to the line that a user file holds. */
import { randomBytes } from 'node:crypto';
import { hashPassword } from '../smtp/password-hash.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

const SALT_OCTETS = 16;
/** Below this an offline guess takes hours, whatever the hash. */
const PASSWORD_CHARACTERS_MIN = 12;

export async function loginHash(terminal: Terminal): Promise<ExitCode> {
  const password = (await terminal.readInput()).replace(/\r?\n$/, '');
  if (password === '' || /\p{Cc}/u.test(password)) {
    terminal.say('the password must be one line of text on standard input');
    return EXIT.data;
  }
  if (password.length < PASSWORD_CHARACTERS_MIN) {
    terminal.say(`warning: a password of fewer than ${PASSWORD_CHARACTERS_MIN} characters is quick to guess`);
  }
  terminal.out(await hashPassword(password, randomBytes(SALT_OCTETS)));
  return EXIT.ok;
}

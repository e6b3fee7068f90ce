/**
 * The command line of `sealgate cms`. What answers it is loaded when it is called for, and the gateway not at all: these
 * commands are run many times by scripts, and loading everything would cost more than a small message.
 */
import { type Command, Option } from 'commander';
import type { DecryptOptions } from './cms-decrypt-command.ts';
import type { ShowOptions } from './cms-show-command.ts';
import type { VerifyOptions } from './cms-verify-command.ts';
import type { EncryptOptions, SealOptions, SignOptions } from './cms-write-command.ts';
import type { ExitCode } from './exit-code.ts';
import { emptyProgram, runProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

const IN = ['--in <file>', 'read this file (standard input)'] as const;
const OUT = ['--out <file>', 'write this file (standard output)'] as const;
const SIGNER = ['--signer <file>', 'certificate of the signer: PEM, DER or PKCS #12'] as const;
const PROFILE = ['--profile <name>', 'built-in crypto profile: default, modern, bsi, pq'] as const;
const CIPHER = ['--cipher <name>', 'content cipher instead of that of the profile'] as const;
const CHAIN = ['--chain <file>', 'certificates to include beside the signer'] as const;
const PASSWORD = ['--password-file <file>', 'password of the key file, its first line'] as const;
const ALLOW = ['--allow <names...>', 'take what is old or weak, by name: see docs/cms.md'] as const;

/** Runs a command line that begins with `cms`, as the whole program would. @param words without the program's own name */
export function runCmsCommandLine(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  return runProgram(words, (answer) => {
    const program = emptyProgram(terminal);
    addCmsCommands(program, terminal, answer);
    return program;
  });
}

export function addCmsCommands(program: Command, terminal: Terminal, answer: (code: ExitCode) => void): void {
  const cms = program.command('cms').description('sign, encrypt, decrypt and verify files (S/MIME, CMS)');
  const add = (name: string, description: string): Command =>
    cms
      .command(name)
      .description(description)
      .option(...IN)
      .option(...OUT)
      .addOption(formOption());
  addSigner(add('sign', 'sign a message or file'))
    .option('--opaque', 'put the content inside the signature')
    .action(async (options: SignOptions) => answer(await (await writing()).cmsSign(options, terminal)));
  addRecipients(add('encrypt', 'encrypt a message or file'))
    .option(...PROFILE)
    .action(async (options: EncryptOptions) => answer(await (await writing()).cmsEncrypt(options, terminal)));
  addRecipients(addSigner(add('seal', 'sign and encrypt a message in one pass'))).action(async (options: SealOptions) =>
    answer(await (await writing()).cmsSeal(options, terminal)),
  );
  add('decrypt', 'decrypt what is encrypted to a key')
    .option('--key <file>', 'private key: PEM, DER or PKCS #12')
    .option('--cert <file>', 'certificate of the key, where the key file has none')
    .option(...PASSWORD)
    .option('--message-password <file>', 'password that the message is encrypted with, its first line')
    .option(...ALLOW)
    .action(async (options: DecryptOptions) => {
      const { cmsDecrypt } = await import('./cms-decrypt-command.ts');
      answer(await cmsDecrypt(options, terminal));
    });
  addVerify(add('verify', 'verify signatures, write the content if they are valid'), terminal, answer);
  cms
    .command('show')
    .description('show the structure of a CMS object')
    .option(...IN)
    .addOption(formOption())
    .option('--json', 'facts as JSON')
    .action(async (options: ShowOptions) => {
      const { cmsShow } = await import('./cms-show-command.ts');
      answer(await cmsShow(options, terminal));
    });
}

function addVerify(command: Command, terminal: Terminal, answer: (code: ExitCode) => void): void {
  command
    .requiredOption('--trust <file>', 'CA certificates: PEM, DER or PKCS #7')
    .option('--content <file>', 'the content that a detached signature is of')
    .option('--at <time>', 'judge certificates at this time (now)')
    .option('--output-anyway', 'write the content even where it is not valid')
    .option(...ALLOW)
    .option('--json', 'verdict as JSON, on standard error')
    .action(async (options: VerifyOptions) => {
      const { cmsVerify } = await import('./cms-verify-command.ts');
      answer(await cmsVerify(options, terminal));
    });
}

function formOption(): Option {
  return new Option('--form <form>', 'form of the CMS object').choices(['smime', 'der', 'pem']).default('smime');
}

function addSigner(command: Command): Command {
  return command
    .option(...SIGNER)
    .option('--key <file>', 'private key of the signer: PEM, DER or PKCS #12')
    .option(...CHAIN)
    .option(...PROFILE)
    .option(...PASSWORD);
}

function addRecipients(command: Command): Command {
  return command
    .requiredOption('--recipient <files...>', 'certificate of a recipient; the first of each file')
    .option(...CIPHER);
}

async function writing(): Promise<typeof import('./cms-write-command.ts')> {
  return await import('./cms-write-command.ts');
}

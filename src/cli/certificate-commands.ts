/** The commands `sealgate cert` and `sealgate trust` with their options. docs/cli.md documents every one. */
import type { Command } from 'commander';
import { certCheck } from './cert-check-command.ts';
import type { CertCheckOptions } from './cert-check-question.ts';
import { type CertOptions, certShow } from './cert-command.ts';
import type { TrustCommandOptions } from './collection-place.ts';
import {
  type CrlCommandOptions,
  type CrlImportOptions,
  trustImportCrl,
  trustListCrls,
  trustRemoveCrl,
} from './crl-command.ts';
import type { ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';
import { type TrustExportOptions, trustExport, trustList, trustRemove, trustShow } from './trust-command.ts';
import { type TrustImportOptions, trustImport } from './trust-import-command.ts';

const CONFIG = ['--config <file>', 'configuration file (SEALGATE_CONFIG, else config/sealgate.yaml)'] as const;
const JSON_OPTION = ['--json', 'facts as JSON'] as const;
const NAME = ['--collection, --name <collection>', 'collection of the configuration (default: default)'] as const;

/** For options that may be given several times. */
const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

export function addCertificateCommands(program: Command, terminal: Terminal, answer: (code: ExitCode) => void): void {
  const cert = program.command('cert').description('look at certificates');
  cert
    .command('show')
    .description('show what the gateway reads in a certificate file')
    .argument('<file>', 'PEM or DER')
    .option(...JSON_OPTION)
    .action(async (file: string, options: CertOptions) => answer(await certShow(file, options, terminal)));
  cert
    .command('check')
    .description('say whether a certificate is good, by which path, and what else was tried')
    .argument('<file|address>', 'certificate in DER or PEM, or a mail address to look up')
    .option('--trust <file>', 'trust anchors instead of the configuration; repeatable', collect)
    .option('--untrusted <file>', 'intermediates; repeatable', collect)
    .option('--crl <file>', 'CRLs; repeatable', collect)
    .option('--offline', 'fetch nothing and ask no server')
    .option('--allow <network>', 'private network that may be asked; repeatable', collect)
    .option('--fetch-intermediates', 'fetch issuers that are missing from where certificates say they are')
    .option('--at <time>', 'judge as of this time (ISO 8601)')
    .option('--purpose <purpose>', 'sign, encrypt or any')
    .option('--address <address>', 'the mailbox it must be for')
    .option('--revocation <mode>', 'off, soft or hard')
    .option('--policy <oid>', 'acceptable policy; repeatable', collect)
    .option('--explicit-policy', 'the path must be valid for one of them')
    .option('--inhibit-mapping', 'policy mappings count for nothing')
    .option('--inhibit-any-policy', 'anyPolicy counts for nothing')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (subject: string, options: CertCheckOptions) => answer(await certCheck(subject, options, terminal)));
  const trust = program.command('trust').description('look at and change the trusted CA collections');
  addTrustCommands(trust, terminal, answer);
  addCrlCommands(trust, terminal, answer);
}

function addCrlCommands(trust: Command, terminal: Terminal, answer: (code: ExitCode) => void): void {
  trust
    .command('import-crl')
    .description('put CRLs into the folder of trust.revocation.crls, if a trusted CA signed them')
    .argument('<file>', 'DER, PEM, or the CRLs in a PKCS #7 or SST')
    .option('--allow-stale', 'take one that is past its end too')
    .option('--replace', 'take one in place of another with the same number and date')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (file: string, options: CrlImportOptions) => answer(await trustImportCrl(file, options, terminal)));
  trust
    .command('list-crls')
    .description('list the CRLs brought by hand')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (options: CrlCommandOptions) => answer(await trustListCrls(options, terminal)));
  trust
    .command('remove-crl')
    .description('remove one of them')
    .argument('<name>', 'as list-crls says it')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (name: string, options: CrlCommandOptions) => answer(await trustRemoveCrl(name, options, terminal)));
}

function addTrustCommands(trust: Command, terminal: Terminal, answer: (code: ExitCode) => void): void {
  trust
    .command('import')
    .description('put the CA certificates of a file or folder into a collection, all or none')
    .argument('[file]', 'SST, PEM, DER, PKCS #7, PKCS #12 or a folder of them')
    .option(...NAME)
    .option('--only-for <domain>', 'refuse unless the collection is for exactly these; repeatable', collect)
    .option('--allow-expired', 'take expired certificates too')
    .option('--password-from <file>', 'file with the password of a PKCS #12')
    .option('--mozilla-email [file]', "Mozilla's roots for mail, from a certdata.txt or the NSS of this machine")
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (file: string | undefined, options: TrustImportOptions) => {
      answer(await trustImport(file, options, terminal));
    });
  trust
    .command('list')
    .description('list the collections and their certificates')
    .option(...NAME)
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (options: TrustCommandOptions) => answer(await trustList(options, terminal)));
  for (const [name, description, command] of [
    ['show', 'show one certificate and where it stands', trustShow],
    ['remove', 'take one certificate out of a collection', trustRemove],
  ] as const) {
    trust
      .command(name)
      .description(description)
      .argument('<sha256>', 'SHA-256 or thumbprint, 8 digits at least')
      .option(...NAME)
      .option(...CONFIG)
      .option(...JSON_OPTION)
      .action(async (hash: string, options: TrustCommandOptions) => answer(await command(hash, options, terminal)));
  }
  trust
    .command('export')
    .description('write a collection into one file')
    .argument('<file>', 'file to write')
    .option('--form <form>', 'pem, sst or p7b; by the ending of the file where it is left out')
    .option(...NAME)
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (file: string, options: TrustExportOptions) => answer(await trustExport(file, options, terminal)));
}

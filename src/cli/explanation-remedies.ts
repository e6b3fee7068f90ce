/** What an administrator can do to get another outcome; the end of every refusal and of every certificate not taken. */
import { printable } from '../log/logger.ts';
import type { Assessment, JudgedCandidate } from '../relay/assessment.ts';
import type { PathFailureCode } from '../x509/path.ts';

const CANDIDATE_REMEDIES: Partial<Readonly<Record<PathFailureCode, string>>> = {
  expired: 'ask its owner for the renewed one',
  'not-yet-valid': 'wait until it is valid',
  'weak-key': 'ask its owner for one with a stronger key',
  'key-usage': 'ask its owner for one that allows encryption',
  'extended-key-usage': 'ask its owner for one that allows mail protection',
  revoked: 'ask its owner for a new one',
  'revocation-unknown': 'let its CRL or responder be reached, or bring its CRL by hand (sealgate trust import-crl)',
  'address-mismatch': 'ask its owner for one that names this address',
  'name-constraints': 'ask its owner for one of an authority that may issue for this name',
};

/** null when nothing on our side or theirs would make it usable. */
export function remedyForCandidate(
  { candidate, verdict, lost }: JudgedCandidate,
  { trust }: Assessment['settings'],
): string | null {
  if (lost !== null || verdict === null || verdict.ok || candidate.certificate === null) return null;
  if (verdict.failure.code === 'no-path') {
    // the certificate whose issuer is missing, which may be an intermediate
    const issuer = printable(verdict.failure.certificate.issuerName);
    if (trust.value !== null) {
      const where = trust.value.map((name) => `trust.${name}`).join(' or ');
      return `put the CA "${issuer}" into ${where}, or let ${trust.origin.path} name another collection`;
    }
    return `put the CA "${issuer}" into trust.default, or into a collection with only-for if you trust it for one partner`;
  }
  return CANDIDATE_REMEDIES[verdict.failure.code] ?? null;
}

/** Lines at the end; empty where nothing was refused. */
export function remediesFor(assessment: Assessment): string[] {
  const { decision, to, settings } = assessment;
  if (decision.kind === 'treat') return [];
  const rule = `rules.to.${to.key}`;
  const required = settings.encrypt.value === 'required';
  const plainer = (setting: string) =>
    required
      ? `${rule}: { encrypt: if-possible, ${setting}: plain } sends it in clear`
      : `${rule}: { ${setting}: plain } sends it in clear`;
  switch (decision.error) {
    case 'policy.no-certificate':
      return remedy(`put a certificate of ${to.text} into a source of directory`, plainer('without-certificate'));
    case 'policy.unusable-certificate':
      return remedy('make one of the certificates above usable', plainer('unusable'));
    case 'policy.null-sender':
      return remedy(`put a usable certificate of ${to.text} into a source of directory`);
    case 'policy.already-encrypted':
      return remedy('let its author send it unencrypted to the gateway', `${rule}: { encrypt: if-possible }`);
    case 'policy.cannot-sign':
      return remedy(...signingRemedies(assessment), `${rule}: { sign: if-possible } sends it unsigned`);
    case 'directory.unavailable':
      return remedy('wait until the source that failed answers; the sending server tries again by itself');
    case 'trust.undecided':
      return remedy(
        'take the certificate that could not be checked out of its source, or ask its owner for another one',
      );
    default:
      return [];
  }
}

function signingRemedies({ signer, from }: Assessment): string[] {
  if (signer.signing.kind !== 'no') return [];
  switch (signer.signing.reason) {
    case 'no-identity':
      return [`put a certificate and key of ${printable(from?.text ?? 'the author')} into identities`];
    case 'identity-invalid':
      return [`renew the certificate of ${printable(from?.text ?? 'the author')} in identities`];
    case 'not-vouched':
      return ['say in listen[].clients[].vouches how this client proves who wrote its mail'];
    default:
      return [];
  }
}

function remedy(...ways: string[]): string[] {
  return ways.map(
    (way, index) => `${index === 0 ? '  to send it anyway: ' : '                 or: '}${printable(way)}`,
  );
}

/** An assessment as one line of the log. */
import { recipientDecided } from '../log/relay-events.ts';
import { LOSS_TEXTS } from '../policy/choose-certificate.ts';
import type { Origin } from '../policy/rules.ts';
import type { Assessment } from './assessment.ts';

/** Written for every recipient, also where the mail simply goes: the log alone answers "why". */
export function logDecision(trace: string, stage: 'rcpt' | 'header', assessment: Assessment): void {
  const { decision, settings, chosen } = assessment;
  recipientDecided({
    trace,
    stage,
    from: assessment.from?.text ?? null,
    to: assessment.to.text,
    outcome: describeDecision(assessment),
    sign: `${settings.sign.value}: ${decision.why.sign}`,
    encrypt: `${settings.encrypt.value}: ${decision.why.encrypt}`,
    signRule: describeOrigin(settings.sign.origin),
    encryptRule: describeOrigin(settings.encrypt.origin),
    certificate: chosen?.candidate.certificate?.sha256 ?? null,
    reasons: reasonsOf(assessment),
  });
}

/** `signed and encrypted`, `encrypted`, `signed`, `neither signed nor encrypted`, or `refused: CODE`. */
function describeDecision({ decision }: Assessment): string {
  if (decision.kind === 'refuse') return `refused: ${decision.error}`;
  if (decision.encrypt) return decision.sign ? 'signed and encrypted' : 'encrypted';
  return decision.sign ? 'signed' : 'neither signed nor encrypted';
}

function describeOrigin(origin: Origin): string {
  return origin.line === null ? origin.path : `${origin.path} (${origin.file}:${origin.line})`;
}

function reasonsOf({ answer, judged }: Assessment): string[] {
  const failures = (answer?.failures ?? []).map(({ source, reason }) => `${source}: ${reason}`);
  const candidates = judged.flatMap(({ candidate, verdict, lost }) => {
    const name = candidate.certificate?.sha256.slice(0, 12) ?? candidate.source;
    if (lost !== null) return [`${name}: ${LOSS_TEXTS[lost]}`];
    if (verdict === null) return [`${name}: ${candidate.problem ?? 'malformed'}`];
    return verdict.ok ? [] : [`${name}: ${verdict.failure.text}`];
  });
  return [...failures, ...candidates];
}

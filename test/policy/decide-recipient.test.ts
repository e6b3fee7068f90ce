/**
 * Every combination of settings and facts, against the golden table `decisions.txt` beside the sources of this test:
 * a change of any decision shows as a changed line. Then the properties that must hold whatever the table says.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parseAddress } from '../../src/address.ts';
import {
  type CertificateFacts,
  type ContentProtection,
  type Decision,
  type DecisionInput,
  decideRecipient,
  IDENTITY_UNDECIDED,
  type SigningFacts,
} from '../../src/policy/decide-recipient.ts';
import type { Fallback, Level } from '../../src/policy/rules.ts';
import { FALLBACKS, LEVELS, settingsOf } from './settings-samples.ts';

const anna = parseAddress('anna@example.org');
assert.ok(anna !== null);

const CERTIFICATES: readonly CertificateFacts[] = [
  { kind: 'usable' },
  { kind: 'unusable', reasons: ['expired'] },
  { kind: 'none' },
  { kind: 'failed', reason: 'ldap: timeout' },
  { kind: 'undecided', reason: 'too many signature checks' },
  { kind: 'not-asked' },
];
const SIGNINGS: readonly SigningFacts[] = [
  { kind: 'yes', address: anna },
  { kind: 'no', reason: 'not-vouched' },
  { kind: 'unknown' },
];
const CONTENTS: readonly ContentProtection[] = ['none', 'signed', 'encrypted'];

interface Case {
  readonly sign: Level;
  readonly encrypt: Level;
  readonly withoutCertificate: Fallback;
  readonly unusable: Fallback;
  readonly certificate: CertificateFacts;
  readonly signing: SigningFacts;
  readonly content: ContentProtection;
  readonly nullSender: boolean;
}

function inputOf(it: Case): DecisionInput {
  const { certificate, signing, content, nullSender } = it;
  return { settings: settingsOf(it), certificate, signing, content, nullSender };
}

function cross<A, B>(left: readonly A[], right: readonly B[]): (A & B)[] {
  return left.flatMap((a) => right.map((b) => ({ ...a, ...b })));
}

function axis<K extends string, V>(name: K, values: readonly V[]): { readonly [key in K]: V }[] {
  return values.map((value) => ({ [name]: value }) as { readonly [key in K]: V });
}

/** All of them: what differs in no decision is still there. */
function allCases(): readonly Case[] {
  const levels = cross(axis('encrypt', LEVELS), axis('sign', LEVELS));
  const settings = cross(levels, cross(axis('withoutCertificate', FALLBACKS), axis('unusable', FALLBACKS)));
  const facts = cross(cross(axis('certificate', CERTIFICATES), axis('signing', SIGNINGS)), axis('content', CONTENTS));
  return cross(settings, cross(facts, axis('nullSender', [false, true])));
}

/** The encryption axis with its own facts, then the signature axis with its own: together all that can be told apart. */
function tableCases(): readonly Case[] {
  const all = allCases();
  const encryption = all.filter(({ sign, signing }) => sign === 'if-possible' && signing.kind === 'yes');
  const signature = all.filter(
    ({ encrypt, certificate, withoutCertificate, unusable }) =>
      encrypt === 'if-possible' &&
      certificate.kind === 'usable' &&
      withoutCertificate === 'plain' &&
      unusable === 'refuse',
  );
  return [...new Set([...encryption, ...signature])];
}

function rowOf(it: Case): string {
  const given = [
    `encrypt=${it.encrypt}`,
    `sign=${it.sign}`,
    `without=${it.withoutCertificate}`,
    `unusable=${it.unusable}`,
    `certificate=${it.certificate.kind}`,
    `signing=${it.signing.kind}`,
    `content=${it.content}`,
    ...(it.nullSender ? ['null-sender'] : []),
  ];
  return `${given.join(' ')} -> ${textOf(decideRecipient(inputOf(it)))}`;
}

function textOf(decision: Decision): string {
  const why = `(${decision.why.encrypt}, ${decision.why.sign})`;
  if (decision.kind === 'refuse') return `refuse ${decision.error} ${why}`;
  return `${decision.encrypt ? 'encrypt' : 'clear'} ${decision.sign ? 'sign' : 'unsigned'} ${why}`;
}

const anyCase = fc.record<Case>({
  sign: fc.constantFrom(...LEVELS),
  encrypt: fc.constantFrom(...LEVELS),
  withoutCertificate: fc.constantFrom(...FALLBACKS),
  unusable: fc.constantFrom(...FALLBACKS),
  certificate: fc.constantFrom(...CERTIFICATES),
  signing: fc.constantFrom(...SIGNINGS),
  content: fc.constantFrom(...CONTENTS),
  nullSender: fc.boolean(),
});

function goesClear(decision: Decision): boolean {
  return decision.kind === 'treat' && !decision.encrypt;
}

function goesUnsigned(decision: Decision): boolean {
  return decision.kind === 'treat' && !decision.sign;
}

describe('decideRecipient', () => {
  it('decides every combination as the golden table says', () => {
    const golden = readFileSync(path.join(process.cwd(), 'test/policy/decisions.txt'), 'utf8');
    assert.equal(`${tableCases().map(rowOf).join('\n')}\n`, golden);
  });

  it('defers what our own undecided certificate should sign, required or only wished for', () => {
    const undecided = { kind: 'no', reason: IDENTITY_UNDECIDED } as const;
    for (const it of allCases()) {
      if (it.signing.kind !== 'no' || it.sign === 'never' || it.nullSender || it.content !== 'none') continue;
      const decision = decideRecipient(inputOf({ ...it, signing: undecided }));
      // where encryption refuses too, that is told
      const encryption = decideRecipient(inputOf({ ...it, sign: 'never' }));
      const due = encryption.kind === 'refuse' ? encryption.error : 'trust.undecided';
      assert.equal(decision.kind === 'refuse' && decision.error, due, rowOf(it));
    }
  });

  it('never ends in clear where encryption is required (C19, C24)', () => {
    for (const it of allCases()) {
      if (it.encrypt === 'required') assert.ok(!goesClear(decideRecipient(inputOf(it))), rowOf(it));
    }
  });

  it('never ends unsigned where a signature is required, also where the message says it is signed', () => {
    for (const it of allCases()) {
      if (it.sign !== 'required') continue;
      assert.ok(!goesUnsigned(decideRecipient(inputOf(it))), rowOf(it));
    }
  });

  it('strengthening a level never weakens the outcome', () => {
    fc.assert(
      fc.property(anyCase, (weak) => {
        const before = decideRecipient(inputOf(weak));
        for (const encrypt of LEVELS.slice(LEVELS.indexOf(weak.encrypt))) {
          const after = decideRecipient(inputOf({ ...weak, encrypt }));
          if (!goesClear(before)) assert.ok(!goesClear(after), rowOf({ ...weak, encrypt }));
        }
        for (const sign of LEVELS.slice(LEVELS.indexOf(weak.sign))) {
          const after = decideRecipient(inputOf({ ...weak, sign }));
          if (!goesUnsigned(before)) assert.ok(!goesUnsigned(after), rowOf({ ...weak, sign }));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('C24: nothing the sender controls weakens required', () => {
    const honest: Case = {
      sign: 'required',
      encrypt: 'required',
      withoutCertificate: 'plain',
      unusable: 'plain',
      certificate: { kind: 'usable' },
      signing: { kind: 'yes', address: anna },
      content: 'none',
      nullSender: false,
    };
    for (const content of CONTENTS) {
      for (const nullSender of [false, true]) {
        for (const certificate of CERTIFICATES) {
          const decision = decideRecipient(inputOf({ ...honest, content, nullSender, certificate }));
          assert.ok(!goesClear(decision), `${content} ${nullSender} ${certificate.kind}`);
        }
      }
    }
    const encrypted = decideRecipient(inputOf({ ...honest, content: 'encrypted' }));
    assert.equal(encrypted.kind === 'refuse' && encrypted.error, 'policy.already-encrypted');
    const bounce = decideRecipient(
      inputOf({ ...honest, sign: 'never', nullSender: true, certificate: { kind: 'none' } }),
    );
    assert.equal(bounce.kind === 'refuse' && bounce.error, 'policy.null-sender');
  });

  it('C28: if-possible goes clear only on an authoritative none, or where unusable says so', () => {
    for (const it of allCases()) {
      if (it.encrypt !== 'if-possible' || it.content === 'encrypted') continue;
      if (!goesClear(decideRecipient(inputOf(it)))) continue;
      const allowed =
        (it.certificate.kind === 'none' && it.withoutCertificate === 'plain') ||
        (it.certificate.kind === 'unusable' && it.unusable === 'plain');
      assert.ok(allowed, rowOf(it));
    }
  });

  it('C19: what could not be found out is a temporary refusal, whatever the fallbacks say', () => {
    for (const it of allCases()) {
      if (it.encrypt === 'never' || it.content === 'encrypted') continue;
      const decision = decideRecipient(inputOf(it));
      const code = decision.kind === 'refuse' ? decision.error : null;
      if (it.certificate.kind === 'failed') assert.equal(code, 'directory.unavailable', rowOf(it));
      if (it.certificate.kind === 'undecided') assert.equal(code, 'trust.undecided', rowOf(it));
      if (it.certificate.kind === 'not-asked') assert.equal(code, 'defect', rowOf(it));
    }
  });

  it('never signs for the null sender, round foreign ciphertext, or a second time but where it is required', () => {
    for (const it of allCases()) {
      const decision = decideRecipient(inputOf(it));
      if (decision.kind === 'refuse' || !decision.sign) continue;
      assert.ok(!it.nullSender && it.signing.kind !== 'no', rowOf(it));
      assert.ok(it.content === 'none' || (it.content === 'signed' && it.sign === 'required'), rowOf(it));
    }
  });

  it('leaves foreign ciphertext untouched below required', () => {
    for (const it of allCases()) {
      if (it.content !== 'encrypted') continue;
      const decision = decideRecipient(inputOf(it));
      if (decision.kind === 'treat') assert.ok(!decision.sign && !decision.encrypt, rowOf(it));
    }
  });

  it('what the header adds never turns a refusal at RCPT for lack of a certificate into a treatment', () => {
    for (const it of allCases()) {
      if (it.signing.kind !== 'unknown' || it.content !== 'none' || it.nullSender) continue;
      const early = decideRecipient(inputOf(it));
      if (early.kind !== 'refuse' || it.encrypt !== 'required') continue;
      for (const content of CONTENTS) {
        for (const signing of SIGNINGS) {
          const late = decideRecipient(inputOf({ ...it, content, signing }));
          assert.equal(late.kind, 'refuse', rowOf({ ...it, content, signing }));
        }
      }
    }
  });
});

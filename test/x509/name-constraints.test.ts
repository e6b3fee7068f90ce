/** RFC 5280 §4.2.1.10 form by form, as an authority below a root would write it (RFC 9549, RFC 9598). */
import assert from 'node:assert/strict';
import { der, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { EXTENSION, ID_ON_SMTP_UTF8_MAILBOX } from '../../src/x509/certificate-oids.ts';
import type { PathResult } from '../../src/x509/path.ts';
import { PATH_BUDGET, validatePath } from '../../src/x509/path-validator.ts';
import {
  type CertificateOptions,
  type MadeCertificate,
  makeAuthority,
  makeCertificate,
  makeName,
} from '../support/certificate-builder.ts';
import {
  directory,
  dns,
  ip,
  type MadeExtension,
  mail,
  nameConstraints,
  otherName,
  registered,
  uri,
} from '../support/constraint-builder.ts';

const root = makeAuthority({ name: 'Root' });
const UPN = '1.3.6.1.4.1.311.20.2.3';
const utf8 = (text: string): Buffer => der(TAG.utf8String, Buffer.from(text));

const limited = (extension: MadeExtension, issuer: MadeCertificate = root, name = 'Limited') =>
  makeAuthority({ name, issuer, extraExtensions: [extension] });

function judge(leaf: MadeCertificate, middles: readonly MadeCertificate[], anchor = root): PathResult {
  return validatePath({
    leaf: leaf.certificate,
    anchors: [anchor.certificate],
    intermediates: middles.map((one) => one.certificate),
    at: new Date(),
    purpose: 'any',
    address: null,
  });
}

const codeOf = (result: PathResult): string => (result.ok ? 'ok' : result.failure.code);

function under(extension: MadeExtension, options: CertificateOptions): string {
  const authority = limited(extension);
  return codeOf(judge(makeCertificate(authority, { key: 'p-256', name: 'Leaf', ...options }), [authority]));
}

const permit = (...names: Buffer[]) => nameConstraints({ permitted: names });
const exclude = (...names: Buffer[]) => nameConstraints({ excluded: names });

/** What is within the base, and what is not. */
const WITHIN: Record<string, { base: Buffer; inside: CertificateOptions[]; outside: CertificateOptions[] }> = {
  'a mail host': {
    base: mail('example.com'),
    inside: [
      { emails: ['ada@example.com'] },
      { emails: ['Ada@EXAMPLE.com', 'b@example.com'] },
      { subjectEmail: 'a@example.com' },
    ],
    outside: [
      { emails: ['ada@mail.example.com'] },
      { emails: ['ada@example.com', 'ada@evil.example'] },
      { emails: ['ada@notexample.com'] },
      { subjectEmail: 'ada@evil.example' },
      { emails: ['адам@evil.example'] },
    ],
  },
  'mail hosts below a domain': {
    base: mail('.example.com'),
    inside: [{ emails: ['ada@mail.example.com'] }, { emails: ['адам@mail.example.com'] }],
    outside: [{ emails: ['ada@example.com'] }, { emails: ['ada@xexample.com'] }],
  },
  'one mailbox': {
    base: mail('ada@example.com'),
    inside: [{ emails: ['ada@example.com'] }, { emails: ['"ada"@Example.com'] }],
    outside: [{ emails: ['bob@example.com'] }, { emails: ['ada@mail.example.com'] }],
  },
  'a mail host with an A-label': {
    base: mail('xn--bcher-kva.example'),
    inside: [{ emails: ['ada@xn--bcher-kva.example'] }, { emails: ['адам@bücher.example'] }],
    outside: [{ emails: ['ada@bucher.example'] }],
  },
  'a DNS tree': {
    base: dns('example.com'),
    inside: [{ names: [dns('example.com')] }, { names: [dns('a.b.example.com')] }, { names: [dns('*.example.com')] }],
    outside: [{ names: [dns('example.org')] }, { names: [dns('xexample.com')] }],
  },
  'a URI host': {
    base: uri('example.com'),
    inside: [{ names: [uri('https://example.com:8080/a?b')] }, { names: [uri('ldap://ada@Example.com')] }],
    outside: [{ names: [uri('https://a.example.com/')] }, { names: [uri('https://evil.example/example.com')] }],
  },
  'URI hosts below a domain': {
    base: uri('.example.com'),
    inside: [{ names: [uri('https://a.example.com/')] }],
    outside: [{ names: [uri('https://example.com/')] }, { names: [uri('https://example.com@evil.example/')] }],
  },
  'an IPv4 network': {
    base: ip('c0000200ffffff00'),
    inside: [{ names: [ip('c0000263')] }],
    outside: [{ names: [ip('c0000301')] }, { names: [ip(`${'00'.repeat(12)}c0000263`)] }],
  },
  'a directory tree': {
    base: directory('Leaf'),
    inside: [
      {},
      { name: ' lEAF ' },
      { subject: derSequence(makeName('Leaf').subarray(2), makeName('Below').subarray(2)) },
    ],
    outside: [{ name: 'Leafs' }, { names: [directory('Other')] }],
  },
};

describe('name constraints', () => {
  for (const [what, { base, inside, outside }] of Object.entries(WITHIN)) {
    it(`permitted: ${what}`, () => {
      for (const options of inside) assert.equal(under(permit(base), options), 'ok', JSON.stringify(options));
      for (const options of outside) {
        assert.equal(under(permit(base), options), 'name-constraints', JSON.stringify(options));
      }
    });

    it(`excluded: ${what}`, () => {
      for (const options of inside) {
        assert.equal(under(exclude(base), options), 'name-constraints', JSON.stringify(options));
      }
      assert.equal(under(exclude(base), outside[0] ?? {}), 'ok');
    });
  }

  it('names of another form are not limited', () => {
    assert.equal(under(permit(dns('example.com')), { emails: ['ada@evil.example'] }), 'ok');
    assert.equal(under(exclude(mail('example.com')), { names: [dns('example.com')] }), 'ok');
  });

  it('holds whether critical or not, and of the anchor too', () => {
    const extension = nameConstraints({ permitted: [mail('example.com')] }, false);
    assert.equal(under(extension, { emails: ['ada@evil.example'] }), 'name-constraints');
    const anchor = makeAuthority({ name: 'Limited Root', extraExtensions: [extension] });
    const leaf = (email: string) => makeCertificate(anchor, { key: 'p-256', emails: [email] });
    assert.equal(codeOf(judge(leaf('ada@evil.example'), [], anchor)), 'name-constraints');
    assert.equal(codeOf(judge(leaf('ada@example.com'), [], anchor)), 'ok');
  });

  it('permitted subtrees of two authorities intersect: the lower one cannot widen', () => {
    const upper = limited(permit(mail('example.com'), mail('example.org')), root, 'Upper');
    const lower = limited(permit(mail('example.org'), mail('evil.example')), upper, 'Lower');
    const leaf = (email: string) => judge(makeCertificate(lower, { key: 'p-256', emails: [email] }), [upper, lower]);
    assert.equal(codeOf(leaf('ada@example.org')), 'ok');
    assert.equal(codeOf(leaf('ada@example.com')), 'name-constraints');
    assert.equal(codeOf(leaf('ada@evil.example')), 'name-constraints');
  });

  it('excluded subtrees of two authorities unite', () => {
    const upper = limited(exclude(mail('a.example')), root, 'Upper');
    const lower = limited(exclude(mail('b.example')), upper, 'Lower');
    const leaf = (email: string) => judge(makeCertificate(lower, { key: 'p-256', emails: [email] }), [upper, lower]);
    for (const domain of ['a.example', 'b.example']) assert.equal(codeOf(leaf(`x@${domain}`)), 'name-constraints');
    assert.equal(codeOf(leaf('x@c.example')), 'ok');
  });

  it('several mailboxes of one local part all count', () => {
    const extension = permit(mail('ada@a.example'), mail('ada@b.example'));
    assert.equal(under(extension, { emails: ['ada@a.example'] }), 'ok');
    assert.equal(under(extension, { emails: ['ada@b.example'] }), 'ok');
    assert.equal(under(extension, { emails: ['ada@c.example'] }), 'name-constraints');
  });

  it('local parts: exactly to be permitted, without case to be excluded', () => {
    assert.equal(under(permit(mail('ada@example.com')), { emails: ['ADA@example.com'] }), 'name-constraints');
    assert.equal(under(exclude(mail('ada@example.com')), { emails: ['ADA@example.com'] }), 'name-constraints');
  });

  it('no mailbox constraint can name an SmtpUTF8Mailbox', () => {
    assert.equal(under(permit(mail('ada@example.com')), { emails: ['адам@example.com'] }), 'name-constraints');
    const base = otherName(ID_ON_SMTP_UTF8_MAILBOX, utf8('адам@example.com'));
    for (const extension of [permit(base), exclude(base)]) {
      assert.equal(under(extension, { emails: ['ada@example.com'] }), 'constraint-unsupported');
      assert.equal(under(extension, { names: [dns('example.com')] }), 'ok');
    }
  });

  it('emailAddress of the subject counts where the SAN has no rfc822Name', () => {
    const extension = permit(mail('example.com'));
    const subjectEmail = 'ada@evil.example';
    assert.equal(under(extension, { subjectEmail, names: [otherName(UPN, utf8('ada'))] }), 'name-constraints');
    assert.equal(under(extension, { subjectEmail, emails: ['ada@example.com'] }), 'ok');
  });

  it('a wildcard that could be an excluded host is excluded', () => {
    assert.equal(under(exclude(dns('a.example.com')), { names: [dns('*.example.com')] }), 'name-constraints');
    assert.equal(under(permit(dns('a.example.com')), { names: [dns('*.example.com')] }), 'name-constraints');
  });

  it('names that cannot be understood are not permitted, and excluded', () => {
    const odd: [Buffer, Buffer][] = [
      [mail('example.com'), mail('ada@example.com.')],
      [mail('example.com'), mail('example.com')],
      [mail('example.com'), mail('ada\0@example.com')],
      [dns('example.com'), dns('example.com.')],
      [uri('example.com'), uri('urn:example.com')],
      [uri('example.com'), uri('https://192.0.2.1/')],
      [ip('c0000200ffffff00'), ip('c00002')],
    ];
    for (const [base, name] of odd) {
      assert.equal(under(permit(base), { names: [name] }), 'name-constraints', name.toString('latin1'));
      assert.equal(under(exclude(base), { names: [name] }), 'name-constraints', name.toString('latin1'));
    }
  });

  it('forms that are not processed fail closed when both sides have them', () => {
    const upn = otherName(UPN, utf8('ada@corp.example'));
    for (const base of [upn, registered('1.2.3')]) {
      for (const extension of [permit(base), exclude(base)]) {
        assert.equal(under(extension, { names: [base] }), 'constraint-unsupported');
        assert.equal(under(extension, { emails: ['ada@example.com'] }), 'ok');
      }
    }
  });

  it('constraints that cannot be read are refused: malformed', () => {
    const raw = (value: Buffer): MadeExtension => ({ oid: EXTENSION.nameConstraints, critical: true, value });
    const subtree = (...more: Buffer[]) => derSequence(der(0xa0, derSequence(mail('example.com'), ...more)));
    const malformed = [
      permit(mail('')),
      permit(uri('')),
      permit(mail('exa mple')),
      permit(mail('a@b@')),
      permit(ip('c0000200ffff00ff')),
      permit(ip('c00002')),
      raw(derSequence(der(0xa0))),
      raw(subtree(der(0x80, Buffer.of(1)))),
      raw(subtree(der(0x81, Buffer.of(9)))),
    ];
    for (const extension of malformed) assert.equal(under(extension, { emails: ['ada@example.com'] }), 'malformed');
    assert.equal(under(raw(subtree(der(0x80, Buffer.of(0)))), { emails: ['ada@example.com'] }), 'ok');
    assert.equal(under(exclude(mail('')), { emails: ['ada@example.com'] }), 'name-constraints');
  });

  it('a self-issued certificate in the middle is exempt, the leaf never', () => {
    const upper = limited(permit(mail('example.com'), directory('Leaf')), root, 'Rolling');
    const rolled = makeAuthority({ name: 'Rolling', issuer: upper });
    assert.equal(codeOf(judge(makeCertificate(rolled, { key: 'p-256', name: 'Leaf' }), [upper, rolled])), 'ok');
    const selfIssued = makeCertificate(upper, { key: 'p-256', name: 'Rolling' });
    assert.equal(codeOf(judge(selfIssued, [upper])), 'name-constraints');
  });

  it('another path without the limit is found', () => {
    const privateKey = root.privateKey;
    const narrow = makeAuthority({
      name: 'Twin',
      issuer: root,
      privateKey,
      extraExtensions: [permit(mail('a.example'))],
    });
    const wide = makeAuthority({ name: 'Twin', issuer: root, privateKey });
    const result = judge(makeCertificate(narrow, { key: 'p-256', emails: ['x@b.example'] }), [narrow, wide]);
    assert.ok(result.ok);
    assert.deepEqual(
      result.attempts.map(({ code }) => code),
      ['name-constraints'],
    );
    assert.equal(result.attempts[0]?.chain?.length, 3);
  });

  it('tells both sides, escaped', () => {
    const authority = limited(permit(mail('a.example'), mail('b.example')));
    const result = judge(makeCertificate(authority, { key: 'p-256', names: [mail('x@\u0007.example')], name: 'Ada' }), [
      authority,
    ]);
    assert.ok(!result.ok);
    assert.match(
      result.failure.text,
      /^Ada has the rfc822Name x@\\u0007\.example; Limited permits only a\.example, b\.example$/,
    );
  });

  it('C5 2048 names under 2048 constraints: budget', () => {
    const bases = Array.from({ length: 2048 }, (_, i) => mail(`c${i}.example`));
    const names = Array.from({ length: 2048 }, (_, i) => mail(`a@d${i}.example`));
    assert.equal(under(exclude(...bases), { names }), 'budget');
    const few = exclude(...bases.slice(0, 100));
    assert.equal(under(few, { names }), 'ok');
    assert.ok(PATH_BUDGET.comparisons === 250_000);
  });
});

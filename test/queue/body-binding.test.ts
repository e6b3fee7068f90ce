import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bodyBinding } from '../../src/queue/body-binding.ts';
import { formatQueueId, isQueueId, parseQueueTime, reportQueueId } from '../../src/queue/queue-id.ts';
import { sampleGroup } from './sample-mail.ts';

describe('the body binding (C19)', () => {
  const groups = [
    sampleGroup({ to: ['bob@bank.example', 'eve@bank.example'], protection: 'must-encrypt' }),
    sampleGroup({ to: ['carol@bank.example'], body: 1 }),
  ];
  const [first, second] = groups;
  if (first === undefined || second === undefined) throw new Error('two groups');
  const before = bodyBinding(groups, 0);

  it('is 32 octets and does not depend on what is known only later', () => {
    assert.equal(before.length, 32);
    const later = { ...first, header: 'X: y\r\n', treatment: 'other', stage: 'held' as const };
    assert.deepEqual(bodyBinding([later, second], 0), before);
    assert.deepEqual(bodyBinding([first, sampleGroup({ to: ['other@bank.example'], body: 1 })], 0), before);
  });

  it('changes with protection, route, recipients, certificates, group and body', () => {
    const [bob, eve] = first.recipients;
    if (bob === undefined || eve === undefined) assert.fail();
    const others = [
      bodyBinding([{ ...first, protection: 'may-be-clear' }, second], 0),
      bodyBinding([{ ...first, route: 'internal' }, second], 0),
      bodyBinding([{ ...first, recipients: [eve, bob] }, second], 0),
      bodyBinding([{ ...first, recipients: [bob] }, second], 0),
      bodyBinding([{ ...first, recipients: [bob, { ...eve, certificateSha256: null }] }, second], 0),
      bodyBinding([{ ...first, recipients: [bob, { ...eve, certificateSha256: bob.certificateSha256 }] }, second], 0),
      bodyBinding([second, first], 0),
      bodyBinding([first, { ...second, content: first.content }], 0),
      bodyBinding(groups, 1),
    ];
    const all = [before, ...others].map((binding) => binding.toString('hex'));
    assert.equal(new Set(all).size, all.length);
  });

  it('encodes no two lists alike', () => {
    const list = fc.array(fc.tuple(fc.string(), fc.option(fc.string({ minLength: 1 }))), { maxLength: 4 });
    const bind = (entries: readonly (readonly [string, string | null])[]): string => {
      const recipients = entries.map(([address, certificateSha256]) => ({ address, certificateSha256 }));
      const content = { bodyIndex: 0 };
      return bodyBinding([{ protection: 'must-encrypt', route: 'outside', recipients, content }], 0).toString('hex');
    };
    fc.assert(
      fc.property(list, list, (a, b) => {
        assert.equal(bind(a) === bind(b), JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

describe('queue ids', () => {
  it('sort by age and are safe as file names', () => {
    const early = formatQueueId(1_000, Buffer.alloc(10, 255));
    const late = formatQueueId(1_700_000_000_000, Buffer.alloc(10));
    assert.ok(early < late);
    for (const id of [early, late]) assert.ok(isQueueId(id), id);
    assert.deepEqual([early, late].map(parseQueueTime), [1_000, 1_700_000_000_000]);
    for (const text of ['', '..', `${early}x`, early.toUpperCase(), early.replace(/.$/, '/')])
      assert.ok(!isQueueId(text));
  });

  it('of a report follow from the failures, in any order', () => {
    const parent = formatQueueId(1_700_000_000_000, Buffer.alloc(10, 3));
    const a = { group: 0, address: 'a@x.example' };
    const b = { group: 1, address: 'b@x.example' };
    const id = reportQueueId(parent, [a, b]);
    assert.ok(isQueueId(id));
    assert.equal(reportQueueId(parent, [b, a]), id);
    assert.notEqual(reportQueueId(parent, [a]), id);
    assert.notEqual(reportQueueId(parent, [a, { ...b, group: 0 }]), id);
  });
});

import assert from 'node:assert/strict';
import { LogWriter } from '../../src/log/log-writer.ts';

const fault = (code: string): Error => Object.assign(new Error(code), { code });

describe('log writer', () => {
  let out: string;
  let act: (octets: Buffer) => number;
  const take = (octets: Buffer): number => {
    out += octets.toString();
    return octets.length;
  };
  const lines = (): string[] => out.split('\n').slice(0, -1);
  beforeEach(() => {
    out = '';
    act = take;
  });
  const writer = (): LogWriter => new LogWriter((octets) => act(octets));

  it('writes lines whole, also where the descriptor takes them in pieces', () => {
    const log = writer();
    act = (octets) => take(octets.subarray(0, 3));
    log.write('first line\n');
    log.write('second\n');
    assert.deepEqual(lines(), ['first line', 'second']);
  });

  for (const code of ['ENOSPC', 'EPIPE', 'EIO']) {
    it(`loses lines at ${code} without failing, and says how many once it can`, () => {
      const log = writer();
      act = () => {
        throw fault(code);
      };
      log.write('a\n');
      log.write('b\n');
      act = take;
      log.write('c\n');
      const [line, lost] = lines();
      assert.equal(line, 'c');
      assert.equal(JSON.parse(lost ?? '').event, 'log.lost');
      assert.equal(JSON.parse(lost ?? '').lines, 2);
      log.write('d\n');
      assert.deepEqual(lines().slice(2), ['d']);
    });
  }

  it('waits for a full pipe, in bounded memory', async () => {
    const log = writer();
    act = () => {
      throw fault('EAGAIN');
    };
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 3000; i += 1) log.write(line);
    assert.equal(out, '');
    act = take;
    while (out === '') await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(lines().length, 1024 + 1);
    assert.equal(JSON.parse(lines().at(-1) ?? '').lines, 3000 - 1024);
  });
});

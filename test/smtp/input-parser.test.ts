/** Commands and messages out of octets, against a whole-buffer reference, however the socket cuts them. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { InputParser } from '../../src/smtp/input-parser.ts';
import { MessageStream } from '../../src/smtp/message-stream.ts';

interface Parsed {
  readonly commands: string[];
  readonly messages: string[];
}

/** Feeds chunks; the command DATA starts a message, which is answered when it was read. */
async function parse(input: Buffer, cuts: readonly number[]): Promise<Parsed> {
  const parser = new InputParser();
  const parsed: Parsed = { commands: [], messages: [] };
  const reading: Promise<void>[] = [];
  parser.oncommand = (line, resume) => {
    parsed.commands.push(line.toString('latin1'));
    if (line.toString() !== 'DATA') {
      // half of the handlers answer later
      if (parsed.commands.length % 2 === 0) setImmediate(() => resume?.());
      else resume?.();
      return;
    }
    const stream = new MessageStream(1e9);
    parser.startMessage(stream);
    reading.push(
      (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(Buffer.from(chunk));
        parsed.messages.push(Buffer.concat(chunks).toString('latin1'));
        parser.continue();
      })(),
    );
    resume?.();
  };
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (input.length + 1)), input.length])].sort((a, b) => a - b);
  for (let i = 0; i + 1 < edges.length; i += 1) {
    // a copy, because the parser unstuffs in place
    const chunk = Buffer.from(input.subarray(edges[i], edges[i + 1]));
    if (chunk.length > 0) await new Promise<void>((resolve) => parser.write(chunk, () => resolve()));
  }
  await Promise.all(reading);
  return parsed;
}

const line = fc
  .array(fc.constantFrom('.', '..', 'a', 'bc', ' ', '\x80', 'x'.repeat(70)), { maxLength: 4 })
  .map((words) => words.join(''));
const message = fc.array(line, { maxLength: 20 });

describe('smtp: input parser', () => {
  it('unstuffs every message and finds its end, however the input is cut', async () => {
    const session = fc.array(message, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(session, fc.array(fc.nat(), { maxLength: 12 }), async (messages, cuts) => {
        const wire = messages
          .map((lines) => `DATA\r\n${lines.map((text) => `${text.replace(/^\./, '..')}\r\n`).join('')}.\r\nNOOP\r\n`)
          .join('');
        const parsed = await parse(Buffer.from(wire, 'latin1'), cuts);
        assert.deepEqual(
          parsed.messages,
          messages.map((lines) => lines.map((text) => `${text}\r\n`).join('')),
        );
        assert.deepEqual(
          parsed.commands,
          messages.flatMap(() => ['DATA', 'NOOP']),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('parses one octet at a time', async () => {
    const wire = 'A\r\nDATA\r\n..\r\n...x\r\n\r\n.y\r\n.\r\nB\r\n';
    const parsed = await parse(
      Buffer.from(wire),
      Array.from(wire, (_, i) => i),
    );
    assert.deepEqual(parsed.commands, ['A', 'DATA', 'B']);
    assert.deepEqual(parsed.messages, ['.\r\n..x\r\n\r\ny\r\n']);
  });

  it('refuses a command line of 12289 octets, whole or in pieces, and takes 12288', async () => {
    for (const cuts of [[], [5000, 9000]]) {
      const parsed = await parse(Buffer.from(`${'x'.repeat(12287)}\r\n`), cuts);
      assert.equal(parsed.commands[0]?.length, 12287);
      const parser = new InputParser();
      parser.on('error', () => undefined);
      const error = await new Promise<Error | null | undefined>((resolve) => {
        parser.write(Buffer.from('x'.repeat(12290)), resolve);
      });
      assert.match(error?.message ?? '', /too long/);
    }
  });

  it('runs nothing behind a message before it is answered, even if the reader was behind', async () => {
    const parser = new InputParser();
    const story: string[] = [];
    parser.oncommand = (text, resume) => {
      story.push(text.toString());
      if (text.toString() === 'DATA') {
        const stream = new MessageStream(1e9);
        parser.startMessage(stream);
        void (async () => {
          for await (const _ of stream) await new Promise((wake) => setTimeout(wake, 5));
          await new Promise((wake) => setTimeout(wake, 20));
          story.push('answered');
          parser.continue();
        })();
      }
      resume?.();
    };
    const block = Buffer.from(`${'x'.repeat(98)}\r\n`.repeat(600));
    parser.write(Buffer.from('DATA\r\n'));
    parser.write(Buffer.from(block));
    parser.write(Buffer.from(block));
    await new Promise<void>((resolve) =>
      parser.write(Buffer.concat([block, Buffer.from('.\r\nNOOP\r\n')]), () => resolve()),
    );
    assert.deepEqual(story, ['DATA', 'answered', 'NOOP']);
  });

  it('drops a last line without CRLF', async () => {
    const parser = new InputParser();
    const commands: string[] = [];
    parser.oncommand = (text, resume) => {
      commands.push(text.toString());
      resume?.();
    };
    await new Promise<void>((resolve) => parser.end(Buffer.from('NOOP\r\nRSET'), resolve));
    assert.deepEqual(commands, ['NOOP']);
  });
});

import assert from 'node:assert/strict';
import { openQueue } from '../../src/queue/open-queue.ts';
import { describeQueue } from './conformance.ts';
import { TestFolder } from './sample-mail.ts';

describeQueue('the embedded engine', async () => {
  const folder = new TestFolder();
  await folder.make();
  return {
    open: async (changes) => {
      const opened = await openQueue(folder.options(changes));
      if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
      return opened.queue;
    },
    remove: () => folder.remove(),
  };
});

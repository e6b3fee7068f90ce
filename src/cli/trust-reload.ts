/** Lets a running gateway read its CA collections again, after a command changed one, and says whether it uses it. */
import { askGateway } from '../admin/control-client.ts';
import type { Configuration } from '../config/configuration.ts';
import { controlSocketIn } from '../gateway.ts';
import type { TrustCollection } from '../trust/collection-reader.ts';
import type { Terminal } from './terminal.ts';

/** Said where the gateway refuses the files as they are now. */
export const REFUSED = 'the running gateway keeps the collections it has, for it refuses the new ones';

/**
 * The configuration file is not read for it: who is in the middle of changing that is not surprised.
 * @param changed the collection as it is on disk now
 * @returns what became of it, for people
 */
export async function reloadTrust(
  { queue }: Configuration,
  changed: Pick<TrustCollection, 'name' | 'version'>,
  terminal: Terminal,
): Promise<string> {
  try {
    const reply = await askGateway(controlSocketIn(queue.folder), 'POST', '/trust');
    if (reply.kind === 'not-running') return 'no gateway is running: the next start reads it';
    // what comes back is shown or compared, never trusted to be of a certain form
    const { mistakes = [], collections = [] } = reply.body as { mistakes?: unknown[]; collections?: unknown[] };
    if (reply.status !== 200) {
      for (const mistake of mistakes) terminal.say(String(mistake));
      return REFUSED;
    }
    const isUsed = collections.some((one) => {
      const { name, version } = one as { name?: unknown; version?: unknown };
      return name === changed.name && version === changed.version;
    });
    if (isUsed) return 'the running gateway uses it from now on';
    return 'the running gateway began with another configuration and does not use it: sealgate reload';
  } catch (thrown) {
    terminal.say(thrown instanceof Error ? thrown.message : String(thrown));
    return 'the running gateway did not answer: it looks at the files by itself, every few seconds';
  }
}

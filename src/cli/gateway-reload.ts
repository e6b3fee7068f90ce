/** Lets a running gateway read its configuration and collections again, after a command changed them. */
import { askGateway } from '../admin/control-client.ts';
import type { Configuration } from '../config/configuration.ts';
import { controlSocketIn } from '../gateway.ts';
import type { Terminal } from './terminal.ts';

/** Said where the gateway refuses the configuration as it is now. */
export const REFUSED = 'the running gateway keeps the old collection, for it refuses the configuration';

/** Lets a running gateway read its collections again. @returns what became of it, for people */
export async function reloadGateway({ queue }: Configuration, terminal: Terminal): Promise<string> {
  try {
    const reply = await askGateway(controlSocketIn(queue.folder), 'POST', '/reload');
    if (reply.kind === 'not-running') return 'no gateway is running: the next start reads it';
    if (reply.status === 200) return 'the running gateway uses it from now on';
    const { mistakes = [] } = reply.body as { mistakes?: unknown[] };
    for (const mistake of mistakes) terminal.say(String(mistake));
    return REFUSED;
  } catch (thrown) {
    terminal.say(thrown instanceof Error ? thrown.message : String(thrown));
    return 'the running gateway did not answer: sealgate reload tells it';
  }
}

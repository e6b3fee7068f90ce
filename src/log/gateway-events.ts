/** Start, reload and stop of the whole. */
import { log } from './logger.ts';

export function gatewayStarted(facts: {
  readonly version: string;
  readonly configuration: string;
  readonly file: string;
  readonly listeners: readonly string[];
  readonly identities: number;
  readonly anchors: number;
}): void {
  log().info({ event: 'gateway.started', ...facts }, 'started');
}

export function configurationLoaded(configuration: string, previous: string): void {
  log().info({ event: 'configuration.loaded', configuration, previous }, 'reloaded');
}

/** The old configuration stays in force. */
export function configurationRefused(mistakes: readonly string[], inForce: string): void {
  log().error({ event: 'configuration.refused', mistakes, inForce }, `reload refused: ${mistakes.length} mistakes`);
}

/** Something an administrator should look at, found while loading. */
export function configurationWarning(warning: string): void {
  log().warn({ event: 'configuration.warning', warning }, warning);
}

export function gatewayStopping(graceMs: number): void {
  log().info({ event: 'gateway.stopping', graceMs }, 'stopping');
}

export function gatewayStopped(): void {
  log().info({ event: 'gateway.stopped' }, 'stopped');
}

/** Something thrown that nobody caught: a defect of ours or of a library, with its stack. The process ends. */
export function gatewayDefect(error: Error): void {
  log().fatal({ event: 'gateway.defect', err: error }, 'ended by a defect; the queue is as it was');
}

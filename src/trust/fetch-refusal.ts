/** Why a fetch brought nothing, as an error that ends it. What it says goes to the log: no secret, but foreign text. */

/**
 * `absent`: the host answered, only not with this. `failed`: nobody knows what is there. `busy`: we did not ask, which
 * says nothing of the host.
 */
export type FetchFailureKind = 'absent' | 'failed' | 'busy';

export class FetchRefusal extends Error {
  override readonly name = 'FetchRefusal';
  readonly kind: FetchFailureKind;

  constructor(kind: FetchFailureKind, reason: string) {
    super(reason);
    this.kind = kind;
  }
}

/**
 * What is found out of one message, and how much of it is stored already. A change counts at once; it is stored with
 * the next save. A save that fails forgets nothing: the changes stay and go with the one after it.
 */
import { applyUpdate, type MailUpdate, type RecipientChange } from '../mail-state.ts';
import type { StoredMail } from '../store.ts';

export class MailLedger {
  readonly #mail: StoredMail;
  #unsaved: readonly RecipientChange[] = [];
  #saving: Promise<void> = Promise.resolve();

  constructor(mail: StoredMail) {
    this.#mail = mail;
  }

  /** Changes that are not stored, oldest first. */
  get unsaved(): readonly RecipientChange[] {
    return this.#unsaved;
  }

  change(changes: readonly RecipientChange[]): void {
    applyUpdate(this.#mail.state, { changes, schedule: null });
    this.#unsaved = [...this.#unsaved, ...changes];
  }

  /**
   * Stores what is not stored yet; one append at a time.
   * @param schedule set when the round has ended
   * @throws GatewayError queue.full, queue.write-failed, and nothing is forgotten
   */
  save(schedule: MailUpdate['schedule']): Promise<void> {
    const save = this.#saving
      .catch(() => undefined)
      .then(async () => {
        // results of another group may come while these are written
        const changes = this.#unsaved;
        if (changes.length === 0 && schedule === null) return;
        await this.#mail.append({ changes, schedule });
        this.#unsaved = this.#unsaved.slice(changes.length);
      });
    this.#saving = save;
    return save;
  }
}
